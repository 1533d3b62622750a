"""The officers' explorer of the trail."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.explorer import changes
from apps.audit.models import AuditHead, AuditLeaf, AuditLog
from apps.audit.services.trail import log_audit_event
from apps.audit.services.verification import verify_log, verify_new
from apps.audit.testing import pass_horizon, sequence
from apps.audit.tests.tampering import changed
from apps.audit.types import RecordClass, VerificationKind
from apps.core import clock
from apps.core.actor import Actor, system_actor
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
        pk = write("thing.changed", before={"kept": "1", "status": "OLD"}, after={"kept": "1", "status": "<b>NEW</b>"})
        page = officer.get(f"{URL}{pk}/change/").content.decode()
        table = page[page.index('<table class="font-mono') :]
        rows = re.findall(r"<tr class.*?</tr>", table[: table.index("</table>")])
        told = [re.sub(r"<[^>]+>", "|", row) for row in rows]
        assert [[cell for cell in row.split("|") if cell] for row in told] == [
            ["before", "after"],
            ["kept", "1", "unchanged"],
            ["status", "OLD", "&lt;b&gt;NEW&lt;/b&gt;"],
        ]
        assert "<b>NEW" not in page

    def test_narrows_to_a_report(self, officer: Client) -> None:
        approved, _ = write("thing.approved"), write("thing.requested")
        assert found(officer, resource_id="explored", report="approvals") == [approved]

    def test_narrows_by_every_fact_of_an_event(self, officer: Client) -> None:
        user, party, thing = uuid4(), uuid4(), str(uuid4())
        with unit_of_work():
            pk = log_audit_event(
                actor=Actor(user_id=user, party_id=party, request_id=f"r-{thing}"),
                action=f"thing.{thing[:8]}_done",
                resource_type=thing,
                resource_id=thing,
                record_class=RecordClass.SANCTIONS,
            )
            log_audit_event(actor=system_actor(), action="thing.other", resource_type="thing", resource_id="other")
        at = AuditLog.objects.get(pk=pk).created_at
        facts = {"user_id": user, "party_id": party, "action": f"thing.{thing[:8]}_done", "resource_type": thing}
        facts |= {"resource_id": thing, "request_id": f"r-{thing}", "record_class": "sanctions"}
        for name, value in facts.items():
            assert found(officer, **{name: value}) == [pk], name
        assert found(officer, **facts, source="app") == [pk]
        assert found(officer, **facts, source="trigger") == []
        before, after = at - timedelta(seconds=1), at + timedelta(seconds=1)
        assert found(officer, resource_id=thing, created_at__gte=before, created_at__lt=after) == [pk]
        assert found(officer, resource_id=thing, created_at__lt=before) == []
        assert found(officer, resource_id=thing, created_at__gte=f"{after:%Y-%m-%dT%H:%M:%S}") == []

    @pytest.mark.parametrize(
        ("name", "value", "told"),
        [
            ("user_id", "me", "Enter a valid UUID."),
            ("created_at__gte", "yesterday", "Enter a valid date/time."),
            ("report", "nonsense", "Select a valid choice."),
            ("record_class", "x", "Select a valid choice."),
            ("action", "a" * 65, "at most 64 characters"),
            ("resource_id", "\0", "Null characters are not allowed."),
        ],
    )
    def test_says_what_it_cannot_look_for_and_shows_nothing(
        self, officer: Client, name: str, value: str, told: str
    ) -> None:
        write("thing.done")
        answer = officer.get(URL, {name: value})
        assert (answer.status_code, list(answer.context["cl"].result_list)) == (200, [])
        assert any(told in str(message) for message in answer.context["messages"])
        assert told in answer.content.decode()

    def test_refuses_a_period_that_ends_before_it_begins(self, officer: Client) -> None:
        period = {"created_at__gte": "2026-02-01T00:00", "created_at__lt": "2026-01-01T00:00"}
        answer = officer.get(URL, period)
        assert "The period ends before it begins." in answer.content.decode()
        assert list(answer.context["cl"].result_list) == []

    def test_counts_no_rows(self, officer: Client) -> None:
        with CaptureQueriesContext(connection) as seen:
            officer.get(URL, {"resource_type": "thing"})
        asked = [query["sql"] for query in seen.captured_queries if 'FROM "audit_auditlog"' in query["sql"]]
        assert asked
        assert not any("COUNT(" in sql.upper() for sql in asked)
        assert officer.get(URL, {"_facets": "True"}).context["cl"].add_facets is False


def found(client: Client, **facts: object) -> list[int]:
    answer = client.get(URL, {name: str(value) for name, value in facts.items()})
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def steps(client: Client, path: str) -> tuple[str, list[tuple[str, bool]]]:
    """The outcome, and each step with whether it holds, as the page has them."""
    answer = client.get(path)
    assert answer.status_code == 200
    check, page = answer.context["check"], answer.content.decode()
    assert escape(check.outcome.label) in page
    assert page.count("check_circle") == sum(step.holds for step in check.steps)
    assert all(escape(step.seen) in page for step in check.steps)
    return check.outcome, [(step.name, step.holds) for step in check.steps]


ALL_HOLD = [("Text", True), ("Leaf", True), ("Path", True), ("Signature", True)]


class TestVerifyThisEntry:
    def numbered(self) -> tuple[int, int]:
        """An event, and its leaf."""
        event = write("thing.verified", after={"amount": "5"})
        pass_horizon()
        sequence()
        return event, AuditLeaf.objects.get(event=event).index

    def test_shows_text_leaf_path_and_signature(self, officer: Client) -> None:
        event, leaf = self.numbered()
        path = f"{URL}{event}/verify-entry/"
        assert path in officer.get(f"{URL}{event}/change/").content.decode()
        assert steps(officer, path) == ("VERIFIED", ALL_HOLD)
        page, head = officer.get(path).content.decode(), AuditHead.objects.order_by("-size")[0]
        for told in (head.key_id, f"{leaf} of {head.size}", bytes(head.root).hex(), f"{head.at:%Y-%m-%d %H:%M:%S}"):
            assert told in page
        assert steps(officer, f"/admin/audit/auditleaf/{leaf}/verify-entry/") == ("VERIFIED", ALL_HOLD)

    def test_of_a_changed_text_leaf_head_or_key_is_red_at_that_step(self, officer: Client) -> None:
        event, leaf = self.numbered()
        path = f"{URL}{event}/verify-entry/"

        def broken(sql: str, params: list[Any], table: str) -> list[str]:
            with changed((sql, params), tables=(table,)):
                outcome, found = steps(officer, path)
                assert outcome == "FAILED"
                return [name for name, holds in found if not holds]

        edit = """UPDATE audit_auditlog SET after = '{"amount":"6"}' WHERE id = %s"""
        assert broken(edit, [event], "audit_auditlog") == ["Leaf"]
        assert broken("DELETE FROM audit_auditlog WHERE id = %s", [event], "audit_auditlog") == ["Text"]
        other = "UPDATE audit_leaf_hash SET hash = sha256('x') WHERE index = %s"
        assert broken(other, [leaf], "audit_leaf_hash") == ["Leaf", "Path"]
        assert broken(other, [leaf - 1], "audit_leaf_hash") == ["Path"]
        gone = "DELETE FROM audit_leaf_hash WHERE index = %s"
        assert broken(gone, [leaf - 1], "audit_leaf_hash") == ["Path"]
        assert broken(gone, [leaf], "audit_leaf_hash") == ["Leaf"]
        assert broken("UPDATE audit_head SET root = sha256('x')", [], "audit_head") == ["Path", "Signature"]
        assert broken("UPDATE audit_head SET at = at + interval '1 hour'", [], "audit_head") == ["Signature"]
        assert steps(officer, path) == ("VERIFIED", ALL_HOLD)

    def test_of_an_event_that_waits_says_when_to_try_again(self, officer: Client) -> None:
        event = write("thing.waiting")
        assert steps(officer, f"{URL}{event}/verify-entry/") == ("WAITING", [("Place", True)])

    def test_of_an_expired_event_says_so_and_that_its_place_holds(self, officer: Client) -> None:
        event, leaf = self.numbered()
        write("audit.expired", after={"ranges": [[leaf, leaf + 1]]})
        with changed(("DELETE FROM audit_auditlog WHERE id = %s", [event]), tables=("audit_auditlog",)):
            for path in (f"{URL}{event}/verify-entry/", f"/admin/audit/auditleaf/{leaf}/verify-entry/"):
                assert steps(officer, path) == ("EXPIRED", ALL_HOLD)
            assert officer.get(f"/admin/audit/auditleaf/{leaf}/change/").status_code == 200

    @pytest.mark.parametrize("event", ["999999999999", "9" * 30, "x", "-1", "%00"])
    def test_of_none_is_not_found(self, officer: Client, event: str) -> None:
        assert officer.get(f"{URL}{event}/verify-entry/").status_code == 404
        assert officer.get(f"/admin/audit/auditleaf/{event}/verify-entry/").status_code == 404

    def test_is_for_officers_only(self, officer: Client) -> None:
        event, client = write("thing.done"), Client()
        client.force_login(make_user(role=Role.INVESTOR))
        assert client.get(f"{URL}{event}/verify-entry/").status_code == 302


class TestTheStateOfTheLog:
    def box(self, client: Client, path: str = URL) -> str:
        page = client.get(path).content.decode()
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("State of the log") :][:9000]))

    def test_shows_head_lag_and_last_verification(self, officer: Client) -> None:
        write("thing.done")
        pass_horizon()
        sequence()
        verify_new(now=clock.now())
        head = AuditHead.objects.select_related("key").order_by("-size")[0]
        for path in (URL, "/admin/audit/audithead/", "/admin/audit/auditverification/"):
            box = self.box(officer, path)
            assert f"{head.size:,} leaves" in box
            assert bytes(head.root).hex() in box
            assert head.key_id in box
            assert "0 events" in box
            assert "what is new: verified" in box
            assert "not what was signed" not in box
        write("thing.waits")
        assert "1 event, the oldest for" in self.box(officer)

    def test_says_in_red_that_the_log_was_changed(self, officer: Client) -> None:
        write("thing.done")
        pass_horizon()
        sequence()
        with changed(("DELETE FROM audit_leaf WHERE index = 0", []), tables=("audit_leaf",)):
            verify_log(kind=VerificationKind.FULL, now=clock.now())
            assert "not what was signed: at index 0, the leaf is gone" in self.box(officer)
        verify_log(kind=VerificationKind.FULL, now=clock.now())
        assert "not what was signed" not in self.box(officer)
