"""Reconciling from the admin site, against a real node that knows nothing of the stage's token."""

import pytest
from django.test import Client

from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.backoffice.tests.stage import Stage, set_stage
from apps.reconciliation.models import Run
from apps.reconciliation.types import RunStatus

PAGE = "/admin/reconciliation/run/reconcile-now/"


@pytest.fixture(scope="class")
def stage(books: str) -> Stage:
    return set_stage()


class TestReconcileNow:
    def test_records_a_run_of_the_officer_who_asked(self, stage: Stage) -> None:
        client, before = Client(), set(Run.objects.values_list("pk", flat=True))
        client.force_login(stage.ops)
        answer = client.post(PAGE, {"isin": stage.market.isin}, follow=True)
        new = Run.objects.exclude(pk__in=before)
        assert new
        assert {run.user_id for run in new} == {stage.ops.pk}
        assert {run.status for run in new} <= {RunStatus.VOID, RunStatus.INCOMPLETE}
        assert next(str(message) for message in answer.context["messages"]).startswith(stage.market.isin)

    def test_does_nothing_on_get_or_for_a_security_without_a_token(self, stage: Stage) -> None:
        client, before = Client(), Run.objects.count()
        client.force_login(stage.compliance)
        assert client.get(PAGE, {"isin": stage.market.isin}).status_code == 200
        assert client.post(PAGE, {"isin": "US0378331005"}).status_code == 400
        assert Run.objects.count() == before

    def test_is_not_for_others(self, stage: Stage) -> None:
        client, before = Client(), Run.objects.count()
        client.force_login(make_user(role=Role.INVESTOR))
        assert client.post(PAGE, {"isin": stage.market.isin}).status_code == 302
        assert Run.objects.count() == before
