"""Every page, with a row in it: who may see it, what it must not show, and that nobody can write through it."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.backoffice.selectors.figures import figures
from apps.backoffice.tests.chain_rows import SIGNED_BYTES
from apps.backoffice.tests.stage import Stage, set_stage
from apps.compliance.models import InvestorProfile
from apps.core import clock
from apps.core.cache import invalidate
from apps.dex.models import Order


def pages() -> list[type[models.Model]]:
    return [model for model in admin.site._registry if model.__module__.startswith("apps.")]


def url(model: type[models.Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def stored(model: type[models.Model]) -> list[dict[str, Any]]:
    """The rows, but for what the trail keeps of reading and of refusals."""
    rows = model._default_manager.order_by("pk")
    if model is AuditLog:
        rows = rows.exclude(action__in=["audit.data_viewed", "audit.access_refused"])
    return list(rows.values())


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture(scope="class")
def stage(books: str) -> Stage:
    return set_stage()


@pytest.fixture(scope="class")
def officer(stage: Stage) -> Client:
    return client_of(stage.ops)


@pytest.fixture(scope="class")
def superuser(stage: Stage) -> Client:
    User.objects.filter(pk=stage.compliance.pk).update(is_superuser=True)
    return client_of(User.objects.get(pk=stage.compliance.pk))


class TestAnOfficer:
    @pytest.mark.parametrize("model", pages(), ids=lambda m: m._meta.label)
    def test_reads_the_list_and_one_row(
        self, officer: Client, django_assert_max_num_queries: Any, model: type[models.Model]
    ) -> None:
        row = model._default_manager.order_by("pk").first()
        assert row is not None, f"the stage has no {model._meta.label}"
        # Five of them record whose data it showed, the first time from where; three ask for the state of the log.
        with django_assert_max_num_queries(16):
            listed = officer.get(url(model, "changelist"))
        assert listed.status_code == 200
        assert len(listed.context["cl"].result_list) >= 1
        detail = officer.get(url(model, "change", row.pk))
        assert detail.status_code == 200
        for text in (listed.content.decode(), detail.content.decode()):
            assert "argon2" not in text
            assert SIGNED_BYTES.hex() not in text
            assert "x02\\xf8\\xa1" not in text

    @pytest.mark.parametrize("model", pages(), ids=lambda m: m._meta.label)
    def test_finds_a_row_by_its_key_and_survives_any_other_word(
        self, stage: Stage, rf: RequestFactory, model: type[models.Model]
    ) -> None:
        page = admin.site._registry[model]
        row = model._default_manager.order_by("pk").first()
        assert row is not None

        def found(term: str) -> list[models.Model]:
            return list(page.get_search_results(rf.get("/"), model._default_manager.all(), term)[0])

        if model._meta.pk is not None and {model._meta.pk.name, model._meta.pk.attname} & {*page.search_fields}:
            assert row in found(f" {row.pk} ")
        for word in ("no such thing", "0xZZ", "9" * 60, "'; --", "-~1"):
            assert found(word) == []

    def test_sees_amounts_in_units(self, officer: Client, stage: Stage) -> None:
        page = officer.get("/admin/dex/trade/").content.decode()
        assert "102.500000" in page
        assert "12,300.000000 USDX" in page

    def test_sees_what_waits_on_the_first_page(self, officer: Client) -> None:
        invalidate("officers_figures", now=clock.now())  # other tests' books were counted under the same key
        shown = {f["title"]: f["shown"] for f in officer.get("/admin/").context["figures"]}
        assert shown["Alerts open"] == "1"
        assert shown["KYC to decide"] == "1"
        assert shown["Settlements failing"] == "1"
        assert shown["Issuances to approve"] == "1"
        assert shown["Breaks open"] == "1"
        assert shown["Commands waiting"] == "1"

    def test_counts_what_waits_once_for_all_who_look(
        self, officer: Client, superuser: Client, django_assert_num_queries: Any
    ) -> None:
        invalidate("officers_figures", now=clock.now())
        seen = [f["shown"] for f in officer.get("/admin/").context["figures"]]
        with django_assert_num_queries(1):  # the generation, and no count
            figures()
        assert [f["shown"] for f in superuser.get("/admin/").context["figures"]] == seen

    def test_loads_nothing_from_elsewhere(self, officer: Client) -> None:
        page = officer.get("/admin/").content.decode()
        assert 'src="http' not in page
        assert 'rel="stylesheet" href="http' not in page

    def test_finds_every_page_in_the_sidebar(self, officer: Client) -> None:
        rooms = officer.get("/admin/").context["sidebar_navigation"]
        links = [str(item["link"]) for room in rooms for item in room["items"]]
        assert sorted(links) == sorted(["/admin/", *(url(model, "changelist") for model in pages())])

    def test_is_led_from_an_object_to_its_audit_trail(self, officer: Client, stage: Stage) -> None:
        party_id = stage.investor.memberships.get().party_id
        answer = officer.get(f"/admin/compliance/investorprofile/{party_id}/history/", follow=True)
        told = {row.action: row.resource_id for row in answer.context["cl"].result_list}
        assert told["compliance.kyc_decided"] == str(party_id)
        assert set(told.values()) == {str(party_id)}


class TestOthers:
    def test_who_are_not_staff_are_sent_to_the_login(self, stage: Stage) -> None:
        for client in (client_of(None), client_of(stage.investor)):
            for address in ("/admin/", "/admin/accounts/party/", "/admin/search/?s=a"):
                answer = client.get(address)
                assert answer.status_code == 302
                assert answer["Location"].startswith("/admin/login/")

    def test_who_are_staff_without_a_role_are_kept_out(self, stage: Stage) -> None:
        outsider = make_user(role=Role.ISSUER)
        User.objects.filter(pk=outsider.pk).update(is_staff=True, is_superuser=True)
        outsider.refresh_from_db()
        assert client_of(outsider).get("/admin/accounts/party/").status_code == 302

    def test_who_are_disabled_are_out_at_once(self, stage: Stage) -> None:
        user = make_user(role=Role.OPS, party=stage.ops.memberships.get().party)
        client = client_of(user)
        assert client.get("/admin/").status_code == 200
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert client.get("/admin/").status_code == 302

    def test_log_in_with_a_password_if_they_are_staff(self, stage: Stage) -> None:
        for user, status, action in (
            (stage.ops, 302, "accounts.session_opened"),
            (stage.investor, 200, "accounts.session_refused"),
        ):
            form = {"username": user.username, "password": PASSWORD}
            answer = Client().post("/admin/login/", form)
            assert (answer.status_code, answer.get("Location")) == (status, "/admin/" if status == 302 else None)
            row = AuditLog.objects.order_by("-pk")[0]
            assert (row.action, row.user_id) == (action, user.pk if status == 302 else None)

    def test_cannot_change_a_password_past_the_services(self, stage: Stage) -> None:
        answer = client_of(stage.ops).post("/admin/password_change/", {"old_password": PASSWORD})
        assert answer.status_code == 403
        assert "Passwords are not changed on this site." in answer.content.decode()


class TestASuperuser:
    # tests/architecture/test_admin.py shows that all pages have the permissions of these.
    @pytest.mark.parametrize("model", [User, AuditLog, InvestorProfile, Order], ids=lambda m: m._meta.label)
    def test_adds_changes_and_deletes_nothing(self, superuser: Client, model: type[models.Model]) -> None:
        row = model._default_manager.order_by("pk").first()
        assert row is not None
        before = stored(model), stored(AuditLog)
        assert superuser.get(url(model, "add")).status_code == 403
        for page, *args in (("add",), ("change", row.pk), ("delete", row.pk)):
            assert superuser.post(url(model, page, *args), {"post": "yes"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
        superuser.post(url(model, "changelist"), action)
        assert (stored(model), stored(AuditLog)) == before
