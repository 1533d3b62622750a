"""Events expire when all that is asked is there, and not before; what remains is proven as it was."""

from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections

from apps.audit import tree
from apps.audit.models import AuditExpiry, AuditHold, AuditLog, AuditOrigin, AuditVerification
from apps.audit.selectors.tree import event_proof
from apps.audit.services.expiry import expire_events, expire_tonight, watch_expiry
from apps.audit.tests.aging import OLD, anchor, as_owner, export, present, put_on_record, record, settle, sign
from apps.audit.tests.test_export import verify
from apps.audit.types import HoldKind, HoldReason, RecordClass, Standing, VerificationOutcome
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.core.models import Alert
from apps.vault.models import SubjectHold

# A period of the log that other tests of a class do not touch.
YEARS = 366


def expire() -> int:
    return expire_events(now=clock.now(), anew=True).removed


def standings(events: Sequence[int]) -> set[str]:
    """How events stand, by the function that decides and the dry run shows."""
    rows = fetch_all("SELECT standing FROM audit_standing(0, 100000) WHERE event = ANY (%s)", [list(events)])
    return {row[0] for row in rows}


def left(events: list[int]) -> bool:
    """Whether all of them are there after a pass."""
    expire()
    return present(events) == events


def hold(**named: object) -> AuditHold:
    facts = {"kind": HoldKind.ALL, "reference": "case-1", "reason": HoldReason.AUDIT}
    with unit_of_work():
        return AuditHold.objects.create(placed_by=uuid4(), placed_at=clock.now(), **facts | named)


def release(held: AuditHold) -> None:
    asked = AuditHold.objects.filter(pk=held.pk)
    asked.update(release_asked_by=uuid4(), release_asked_at=clock.now())
    asked.update(released_by=uuid4(), released_at=clock.now())


@pytest.mark.usefixtures("books")
class TestExpiry:
    def test_removes_what_may_go_and_leaves_all_proofs(self, tmp_path: Path) -> None:
        gone = record(30, days=OLD)
        old = sign(days=OLD)
        young = record(20)
        size = sign()
        before = export(tmp_path / "before")
        anchor(size)
        said = StringIO()
        call_command("expire_audit", "--dry-run", stdout=said)
        assert f"30  audit_trail: {Standing.READY.label}" in said.getvalue()
        assert "30 events would expire. Nothing was changed." in said.getvalue()
        assert (present(gone), AuditExpiry.objects.count()) == (gone, 0)
        assert expire() == 30
        assert (present(gone), present(young)) == ([], young)
        event = AuditLog.objects.get(action="audit.expired")
        assert event.after == {"ranges": [[old - 30, old]], "removed": 30}
        [kept] = AuditExpiry.objects.all()
        assert (kept.event, kept.first, kept.stop, kept.removed) == (event.pk, old - 30, old, 30)
        sign()
        for name, bounds in {"all": [], "across": ["--from", old - 5], "gone": ["--to", old]}.items():
            code, found = verify(export(tmp_path / name, *bounds))
            assert (code, found["findings"]) == (0, []), name
        lines = (tmp_path / "gone" / "events.jsonl").read_bytes().splitlines()
        assert all(line.split(b"\t")[1].startswith(b"-") for line in lines[old - 30 : old])
        assert verify(before)[0] == 0
        assert expire() == 0
        call_command("verify_audit")
        assert AuditVerification.objects.latest("id").outcome == VerificationOutcome.VERIFIED

    def test_leaves_a_proof_that_says_the_text_is_gone(self) -> None:
        [event] = record(days=OLD)
        size = settle()
        before = event_proof(event, size=size)
        assert expire() >= 1
        proof = event_proof(event, size=size)
        assert before.body
        assert proof.body is None
        assert (proof.index, proof.leaf_hash, proof.path) == (before.index, before.leaf_hash, before.path)
        tree.verify_inclusion(
            tree.leaf_hash(before.body.encode()), proof.index, size, proof.path, bytes(proof.head.root)
        )


@pytest.mark.usefixtures("books")
class TestClassesThatAlternate:
    def test_expire_each_by_its_own_period(self, tmp_path: Path) -> None:
        """Of two years' old events only those of a class of two years go."""
        days, kinds = 3 * YEARS, (RecordClass.SECURITY_EVENTS, RecordClass.AUDIT_TRAIL)
        events = [record(days=days, record_class=kinds[number % 2])[0] for number in range(12)]
        first = sign(days=days) - 12
        record()
        anchor(sign())
        export(tmp_path / "before")
        assert expire() == 6
        sign()
        assert present(events) == events[1::2]
        ranges = AuditLog.objects.filter(action="audit.expired").order_by("-id")[0].after["ranges"]
        assert ranges == [[first + number, first + number + 1] for number in range(0, 12, 2)]
        code, found = verify(export(tmp_path / "mixed", "--from", first, "--to", first + 12))
        assert (code, found["findings"]) == (0, [])


@pytest.mark.usefixtures("books")
class TestEachCondition:
    """Everything is fulfilled but one thing."""

    @pytest.fixture
    def ready(self) -> list[int]:
        """Old events that nothing keeps."""
        events = record(3, days=OLD)
        settle()
        assert standings(events) == {"READY"}
        return events

    def test_the_period(self) -> None:
        for name, days in (("security_events", 731), ("sanctions", 3_653), ("audit_trail", 2_557)):
            young = record(days=days - 1, record_class=RecordClass(name))
            assert standings(young) == {"WITHIN_PERIOD"}, name
            past = record(days=days + 1, record_class=RecordClass(name))
            assert standings(past) == {"NOT_SIGNED"}, name
        assert expire() == 0

    def test_a_leaf_under_a_signed_head(self) -> None:
        events = record(2, days=OLD)
        assert standings(events) == {"NOT_SIGNED"}
        assert left(events)
        sign()
        assert standings(events) == {"NOT_EXPORTED"}

    def test_an_export_that_was_verified(self) -> None:
        events = record(2, days=OLD)
        size = sign()
        anchor(size)
        assert standings(events) == {"NOT_EXPORTED"}
        assert left(events)
        watch_expiry(now=clock.now())
        assert "wait for a verified export" in Alert.objects.get(dedup_key="audit.expiry:export").summary
        put_on_record(size - 1, size)
        assert {standings([event]).pop() for event in events} == {"NOT_EXPORTED", "READY"}

    def test_an_anchor(self) -> None:
        events = record(2, days=OLD)
        size = sign()
        put_on_record(0, size)
        assert standings(events) == {"NOT_ANCHORED"}
        assert left(events)
        # Of another log, or no longer kept: neither covers anything.
        anchor(size, root=bytes(32))
        anchor(size, retained_until=clock.now() - timedelta(days=1), version_id="v-1", kind="S3", tx_hash=None)
        assert standings(events) == {"NOT_ANCHORED"}
        anchor(size)
        assert standings(events) == {"READY"}

    def test_no_hold(self, ready: list[int]) -> None:
        since = clock.now() - timedelta(days=OLD, minutes=1)
        row = AuditLog.objects.get(pk=ready[0])
        for named, held_ones in (
            ({"kind": HoldKind.ALL}, ready),
            ({"kind": HoldKind.RESOURCE, "resource_type": "thing"}, ready),
            ({"kind": HoldKind.RESOURCE, "resource_type": "thing", "resource_id": row.resource_id}, ready[:1]),
            ({"kind": HoldKind.PERIOD, "since": since, "until": since + timedelta(minutes=2)}, ready),
        ):
            held = hold(**named)
            assert standings(held_ones) == {"HELD"}, named
            assert standings(set(ready) - set(held_ones)) <= {"READY"}
            release(held)
            assert standings(ready) == {"READY"}
        past = hold(kind=HoldKind.PERIOD, since=since - timedelta(days=9), until=since)
        assert standings(ready) == {"READY"}
        release(past)
        held = hold()
        assert left(ready)
        release(held)
        assert expire() >= 3
        assert present(ready) == []

    def test_no_hold_on_a_subject_wherever_an_event_names_it(self) -> None:
        subject = uuid4()
        actor = Actor(user_id=subject, party_id=None)
        events = [
            *record(days=OLD, actor=actor),
            *record(days=OLD, actor=Actor(user_id=None, party_id=subject)),
            *record(days=OLD, name=str(subject)),
            *record(days=OLD, after={"subjects": [str(uuid4()), str(subject)]}),
        ]
        free = record(days=OLD, after={"subjects": [str(uuid4())]})
        settle()
        held = hold(kind=HoldKind.SUBJECT, subject=subject)
        assert (standings(events), standings(free)) == ({"HELD"}, {"READY"})
        release(held)
        assert standings(events) == {"READY"}
        SubjectHold.objects.create(subject=subject, reference="vault-1", placed_at=clock.now())
        assert (standings(events), standings(free)) == ({"HELD"}, {"READY"})
        assert left(events)
        assert present(free) == []

    def test_the_end_of_what_it_belongs_to(self) -> None:
        account = str(uuid4())
        events = record(days=OLD, record_class=RecordClass.CUSTOMER_ACCOUNTS, name=account)
        settle()
        assert standings(events) == {"NOT_ENDED"}
        facts = "record, ended_at, reference, told_by, told_at"
        as_owner(
            f"INSERT INTO audit_ending (id, {facts}) VALUES (gen_random_uuid(), %s, now() - interval '3000 days',"
            " 'case-1', gen_random_uuid(), now())",
            [account],
        )
        assert standings(events) == {"NOT_ENDED"}
        as_owner("UPDATE audit_ending SET confirmed_by = gen_random_uuid(), confirmed_at = now()")
        assert standings(events) == {"READY"}
        as_owner("UPDATE audit_ending SET withdrawn_by = gen_random_uuid(), withdrawn_at = now()")
        assert standings(events) == {"NOT_ENDED"}

    def test_what_expired_stays_proven_for_good(self) -> None:
        events = record(days=OLD)
        as_owner(
            "ALTER TABLE audit_auditlog DISABLE TRIGGER append_only_row;"
            "UPDATE audit_auditlog SET action = 'audit.expired' WHERE id = %s;"
            "ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row",
            events,
        )
        assert standings(events) == {"FOR_PROOFS"}

    def test_a_clock_that_agrees_with_the_log_and_its_anchors(self) -> None:
        """As when the database's clock is years ahead: neither head nor anchor is of that time."""
        events = record(days=3 * YEARS, record_class=RecordClass.SECURITY_EVENTS)
        settle()
        assert standings(events) == {"READY"}
        guards = ("DISABLE", "ENABLE ALWAYS")
        newest = "size = (SELECT max(size) FROM audit_head)"
        for table, column, which in (("audit_head", "at", newest), ("audit_anchor", "anchored_at", "true")):
            off, on = (f"ALTER TABLE {table} {how} TRIGGER append_only_row" for how in guards)
            change = f"UPDATE {table} SET {column} = {column} %s interval '1200 days' WHERE {which}"
            as_owner(f"{off}; {change % '-'}; {on}")
            assert standings(events) == {"WITHIN_PERIOD"}, table
            assert left(events)
            as_owner(f"{off}; {change % '+'}; {on}")
            assert standings(events) == {"READY"}


@pytest.mark.usefixtures("books")
class TestOrigins:
    def test_go_after_all_events_that_named_them(self) -> None:
        """Of two persons the one's events are kept longer: address and user agent stay with them."""
        gone, kept = (
            Actor(uuid4(), None, session_id=uuid4(), ip_address="203.0.113.9", user_agent="curl/8") for _ in range(2)
        )
        record(1, days=3 * YEARS, actor=gone, record_class=RecordClass.SECURITY_EVENTS)
        record(1, days=3 * YEARS, actor=kept, record_class=RecordClass.SECURITY_EVENTS)
        [named] = record(1, days=3 * YEARS, actor=kept)
        young = record(1, actor=Actor(uuid4(), None, ip_address="203.0.113.10"))
        as_owner(
            "ALTER TABLE audit_origin DISABLE TRIGGER append_only_row;"
            "UPDATE audit_origin SET created_at = created_at - make_interval(days => %s) WHERE ip IS NOT NULL"
            " AND id <> (SELECT origin_id FROM audit_auditlog WHERE id = %s);"
            "ALTER TABLE audit_origin ENABLE ALWAYS TRIGGER append_only_row",
            [3 * YEARS, young[0]],
        )
        settle()
        done = expire_events(now=clock.now(), anew=True)
        assert (done.removed, done.origins) == (2, 1)
        assert set(AuditOrigin.objects.values_list("user_id", flat=True)) >= {kept.user_id}
        assert not AuditOrigin.objects.filter(user_id=gone.user_id).exists()
        assert AuditLog.objects.get(pk=named).ip == "203.0.113.9"
        assert AuditLog.objects.get(action="audit.origins_expired").after == {"removed": 1}
        body = fetch_all("SELECT hash, body FROM audit_text WHERE event = %s", [named])[0]
        assert tree.leaf_hash(body[1].encode()) == bytes(body[0])

    def test_are_dated_by_the_database_and_removed_by_nobody_else(self) -> None:
        with unit_of_work():
            origin = AuditOrigin.objects.create(
                committed={}, created_at=clock.now() - timedelta(days=OLD), user_id=uuid4()
            )
        assert clock.now() - AuditOrigin.objects.get(pk=origin.pk).created_at < timedelta(hours=1)
        for statement in ("DELETE FROM audit_origin", "UPDATE audit_origin SET session_id = NULL"):
            with pytest.raises(DatabaseError, match="append-only"):
                as_owner(statement)
            connections["owner"].close()
            with pytest.raises(DatabaseError, match="permission denied"), unit_of_work():
                run_sql(statement)


@pytest.mark.usefixtures("books")
class TestTheSchedule:
    def test_goes_through_once_a_night(self) -> None:
        record(3)
        now = clock.now()
        done = expire_tonight(now=now, seconds=60)
        assert done is not None
        assert (done.is_done, done.removed, done.staying) == (True, 0, {"WITHIN_PERIOD": done.looked_at})
        assert expire_tonight(now=now + timedelta(hours=1), seconds=60) is None
        assert expire_tonight(now=now + timedelta(hours=21), seconds=60) is not None

    def test_tells_operators_of_periods_that_no_migration_has_brought(self) -> None:
        as_owner("UPDATE audit_retention SET days = 3000 WHERE record_class = 'audit_trail'")
        watch_expiry(now=clock.now())
        assert "audit_trail" in Alert.objects.get(dedup_key="audit.expiry:policy", resolved_at=None).summary
        as_owner("UPDATE audit_retention SET days = 2557 WHERE record_class = 'audit_trail'")
        watch_expiry(now=clock.now())
        assert not Alert.objects.filter(dedup_key="audit.expiry:policy", resolved_at=None).exists()
