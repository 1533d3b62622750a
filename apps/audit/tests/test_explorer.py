"""The officers' explorer of the trail."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.explorer import changes
from apps.audit.services.trail import log_audit_event
from apps.core.actor import system_actor
from apps.core.db import unit_of_work

URL = "/admin/audit/auditlog/"


@pytest.fixture
def officer(books: str) -> Client:
    client = Client()
    client.force_login(make_user(role=Role.COMPLIANCE))
    return client


def write(action: str, **more: Any) -> int:
    with unit_of_work():
        return log_audit_event(
            actor=system_actor(), action=action, resource_type="thing", resource_id="explored", **more
        )


class TestChanges:
    def test_are_told_name_by_name(self) -> None:
        before, after = {"a": "1", "b": None, "c": "x"}, {"a": "2", "c": "x", "d": ["p", "q"]}
        expected = [("a", "1", "2"), ("b", "null", ""), ("c", "x", "="), ("d", "", "p, q")]
        assert changes(before, after) == expected
        assert changes(None, None) == []


class TestTheExplorer:
    def test_shows_what_an_event_changed_and_nothing_as_markup(self, officer: Client) -> None:
        pk = write("thing.changed", before={"status": "OLD"}, after={"status": "<b>NEW</b>"})
        page = officer.get(f"{URL}{pk}/change/").content.decode()
        assert '<td class="pr-4 break-all">OLD</td><td class="break-all">&lt;b&gt;NEW&lt;/b&gt;</td>' in page
        assert "<b>NEW" not in page

    def test_narrows_to_a_report(self, officer: Client) -> None:
        approved, _ = write("thing.approved"), write("thing.requested")
        found = officer.get(URL, {"resource_id": "explored", "report": "approvals"})
        assert found.status_code == 200
        assert [row.pk for row in found.context["cl"].result_list] == [approved]
        assert officer.get(URL, {"report": "nonsense"}).status_code in {200, 302}
