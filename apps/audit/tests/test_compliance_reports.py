"""GET /api/compliance/reports/...: who saw whose data, who approved what, what was configured, who was refused."""

import csv
import io
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections

from apps.accounts.models import User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.audit.services.trail import log_audit_event
from apps.compliance.services.investors import ensure_profile
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import unit_of_work

URL = "/api/compliance/reports"
REPORTS = ("data-access", "approvals", "configuration", "failed-access")


def write(action: str, resource_id: object = "1", **more: Any) -> int:
    actor = Actor(user_id=more.pop("user_id", None), party_id=None, ip_address=more.pop("ip_address", None))
    with unit_of_work():
        return log_audit_event(actor=actor, action=action, resource_type="thing", resource_id=resource_id, **more)


def get(client: ApiClient, report: str, **query: Any) -> Any:
    return client.get(f"{URL}/{report}?{urlencode(query)}")


def rows(client: ApiClient, report: str, **query: Any) -> list[dict[str, Any]]:
    answer = get(client, report, **query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["data"]["results"]
    return found


def lines(client: ApiClient, report: str, **query: Any) -> list[dict[str, str]]:
    answer = get(client, report, format="csv", **query)
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline="")))


@pytest.fixture
def officer(books: str) -> ApiClient:
    return api_client(make_user(role=Role.COMPLIANCE))


class TestEveryReport:
    @pytest.mark.parametrize("report", REPORTS)
    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.ISSUER])
    def test_is_for_officers_only(self, books: str, report: str, role: Role) -> None:
        assert get(api_client(make_user(role=role)), report).status_code == 403
        assert get(api_client(), report).status_code == 401

    @pytest.mark.parametrize("report", REPORTS)
    def test_is_recorded_when_it_is_taken(self, officer: ApiClient, report: str) -> None:
        for query in ({}, {"format": "csv", "resource_id": "77"}):
            assert get(officer, report, **query).status_code == 200
            event = AuditLog.objects.filter(action="audit.report_viewed").latest("id")
            assert (event.resource_type, event.resource_id, event.after) == ("audit_report", report, query)

    @pytest.mark.parametrize("report", REPORTS)
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"created_at__gte": "2026-01-02T00:00:00Z", "created_at__lt": "2026-01-01T00:00:00Z"}, "created_at__lt"),
            ({"created_at__gte": "yesterday"}, "created_at__gte"),
            ({"format": "xlsx"}, "format"),
            ({"format": "csv", "cursor": "abc"}, "cursor"),
            ({"user": "me"}, "user"),
            ({"period": "2026"}, "period"),
        ],
    )
    def test_refuses_a_bad_question_and_records_no_report(
        self, officer: ApiClient, report: str, query: dict[str, str], field: str
    ) -> None:
        before = AuditLog.objects.filter(action="audit.report_viewed").count()
        answer = get(officer, report, **query)
        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]
        assert AuditLog.objects.filter(action="audit.report_viewed").count() == before

    def test_holds_its_period_to_the_microsecond(self, officer: ApiClient) -> None:
        first, second, third = (write("thing.approved", "period") for _ in range(3))
        at = dict(AuditLog.objects.filter(pk__in=[first, second, third]).values_list("pk", "created_at"))
        period = {"created_at__gte": at[second].isoformat(), "created_at__lt": at[third].isoformat()}
        assert [row["id"] for row in rows(officer, "approvals", **period)] == [second]
        assert [row["id"] for row in lines(officer, "approvals", **period)] == [str(second)]

    def test_is_one_file_of_all_pages(self, officer: ApiClient) -> None:
        written = [write("thing.approved", "many") for _ in range(501)]
        found = lines(officer, "approvals", resource_id="many")
        assert [int(line["id"]) for line in found] == written[::-1]
        page = get(officer, "approvals", resource_id="many", limit=500).json()["data"]
        assert [row["id"] for row in page["results"]] == written[:0:-1]
        assert [row["id"] for row in officer.get(page["next"]).json()["data"]["results"]] == written[:1]

    def test_goes_to_whoever_accepts_csv_alone(self, officer: ApiClient) -> None:
        answer = officer.get(f"{URL}/approvals?format=csv", headers={"Accept": "text/csv"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")

    def test_has_no_cell_that_a_spreadsheet_computes(self, officer: ApiClient) -> None:
        write("thing.approved", "=HYPERLINK(1)")
        (line,) = lines(officer, "approvals", resource_id="=HYPERLINK(1)")
        assert line["resource_id"] == "'=HYPERLINK(1)"


class TestApprovals:
    def test_are_those_of_every_room_by_the_verb(self, officer: ApiClient) -> None:
        user = uuid4()
        ids = [write(a, "v", user_id=user) for a in ("a.approved", "b.kyc_decided", "c.rejected", "new.limit_waived")]
        for other in ("a.requested", "b.disapproved_of", "approved.things", "a.unapproved"):
            write(other, "v", user_id=user)
        found = rows(officer, "approvals", resource_id="v")
        assert [row["id"] for row in found] == ids[::-1]
        assert {row["user"] for row in found} == {str(user)}

    def test_tell_before_and_after_in_json_and_csv(self, officer: ApiClient) -> None:
        write("thing.approved", "told", before={"status": "REQUESTED"}, after={"status": "DONE", "quantity": "500"})
        (row,), (line,) = (
            rows(officer, "approvals", resource_id="told"),
            lines(officer, "approvals", resource_id="told"),
        )
        assert (row["before"], row["after"]) == ({"status": "REQUESTED"}, {"status": "DONE", "quantity": "500"})
        assert (line["before"], line["after"]) == ('{"status": "REQUESTED"}', '{"quantity": "500", "status": "DONE"}')


class TestConfiguration:
    def test_has_what_is_set_up_and_no_business(self, officer: ApiClient) -> None:
        told = [
            write(action, "c") for action in ("accounts.user_added", "chain.stream_resumed", "vault.rotation_moved")
        ]
        for business in ("issuance.approved", "accounts.logged_in", "compliance.profile_updated", "x.updated"):
            write(business, "c")
        assert [row["id"] for row in rows(officer, "configuration", resource_id="c")] == told[::-1]

    def test_has_what_was_changed_past_every_service(self, officer: ApiClient) -> None:
        membership = make_user().memberships.get()
        made = rows(officer, "configuration", resource_type="accounts_membership", resource_id=membership.pk)
        assert [(row["action"], row["source"]) for row in made] == [("accounts_membership.inserted", "trigger")]
        assert rows(officer, "configuration", resource_type="accounts_party") == []


class TestFailedAccess:
    def test_has_refused_logins_with_their_address(self, officer: ApiClient) -> None:
        user: User = make_user(role=Role.INVESTOR)
        client = api_client()
        body = {"username": user.username, "password": "wrong wrong wrong"}
        assert client.post("/api/auth/token", body, REMOTE_ADDR="192.0.2.44").status_code == 401
        (row,) = rows(officer, "failed-access", user=user.pk)
        assert (row["action"], row["ip"]) == ("accounts.login_refused", "192.0.2.44")
        (line,) = lines(officer, "failed-access", user=user.pk)
        assert line["ip"] == "192.0.2.44"

    def test_has_what_a_role_does_not_allow(self, officer: ApiClient) -> None:
        user = make_user(role=Role.INVESTOR)
        party = uuid4()
        assert api_client(user).post(f"/api/compliance/investors/{party}/kyc", {}).status_code == 403
        (row,) = rows(officer, "failed-access", user=user.pk)
        assert (row["action"], row["resource_type"], row["resource_id"]) == ("audit.access_refused", "kyc", str(party))
        assert row["after"] == {"method": "POST", "status": "403"}

    def test_has_nothing_of_what_was_allowed_or_merely_wrong(self, officer: ApiClient) -> None:
        user = make_user(role=Role.INVESTOR)
        client = api_client(user)
        assert client.get("/api/accounts/me").status_code == 200
        assert client.get("/api/orders/nowhere").status_code == 404
        assert rows(officer, "failed-access", user=user.pk) == []


class TestDataAccess:
    def test_has_one_event_for_an_investor_opened_by_the_api(self, officer: ApiClient) -> None:
        reader, seen = make_user(role=Role.OPS), investor()
        assert api_client(reader).get(f"/api/compliance/investors/{seen}").status_code == 200
        (row,) = rows(officer, "data-access", user=reader.pk)
        assert (row["action"], row["resource_type"], row["resource_id"]) == ("audit.data_viewed", "investor", str(seen))
        assert row["subjects"] == [str(seen)]
        (line,) = lines(officer, "data-access", user=reader.pk)
        assert line["subjects"] == str(seen)

    def test_is_narrowed_by_whose_data_it_was(self, officer: ApiClient) -> None:
        one, two = investor(), investor()
        reader = make_user(role=Role.OPS)
        for party in (one, two, one):
            api_client(reader).get(f"/api/compliance/investors/{party}")
        assert [row["subjects"] for row in rows(officer, "data-access", subject=one)] == [[str(one)]] * 2
        assert rows(officer, "data-access", subject=uuid4()) == []

    def test_has_everybody_on_a_list_in_one_event(self, officer: ApiClient) -> None:
        parties = {str(investor()) for _ in range(2)}
        reader = make_user(role=Role.OPS)
        assert api_client(reader).get("/api/compliance/investors").status_code == 200
        (row,) = rows(officer, "data-access", user=reader.pk)
        assert row["resource_id"] == "list"
        assert set(row["subjects"]) >= parties

    def test_has_addresses_read_from_the_trail(self, officer: ApiClient) -> None:
        reader, person = make_user(role=Role.OPS), make_user(role=Role.INVESTOR)
        write("thing.done", "addressed", user_id=person.pk, ip_address="192.0.2.9")
        found = api_client(reader).get("/api/compliance/audit-logs?resource_id=addressed").json()["data"]["results"]
        assert found[0]["ip"] == "192.0.2.9"
        (row,) = rows(officer, "data-access", user=reader.pk)
        assert row["subjects"] == [str(person.pk)]

    def test_has_nothing_of_people_who_read_their_own(self, officer: ApiClient) -> None:
        user = make_user(role=Role.INVESTOR)
        assert api_client(user).get("/api/accounts/me").json()["data"]["username"] == user.username
        assert rows(officer, "data-access", user=user.pk) == []

    def test_holds_no_personal_data_itself(self, officer: ApiClient) -> None:
        api_client(make_user(role=Role.OPS)).get(f"/api/compliance/investors/{investor()}")
        event = AuditLog.objects.filter(action="audit.data_viewed").latest("id")
        assert event.after is not None
        assert [*event.after] == ["subjects"]
        assert all(UUID(subject) for subject in event.after["subjects"])
        assert event.record_class == "security_events"


class TestAnAnswerThatCannotBeRecorded:
    def test_is_not_given(self, officer: ApiClient) -> None:
        reader, seen = api_client(make_user(role=Role.OPS)), investor()
        role = connection.settings_dict["USER"]
        with connections["owner"].cursor() as owner:
            owner.execute(f"REVOKE INSERT ON audit_auditlog FROM {role}")
            try:
                refused = reader.get(f"/api/compliance/investors/{seen}")
            finally:
                owner.execute(f"GRANT INSERT ON audit_auditlog TO {role}")
        assert refused.status_code == 500
        assert str(seen) not in refused.content.decode()
        assert reader.get(f"/api/compliance/investors/{seen}").status_code == 200


def investor() -> UUID:
    """The party of a new investor."""
    party = make_party()
    with unit_of_work():
        ensure_profile(party_id=party.pk, now=clock.now())
    return party.pk
