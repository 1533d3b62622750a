"""The stored log verified by ourselves: every kind of change is found, at its place, and told until it is mended."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.utils import IntegrityError

from apps.audit.heads import Head, HeadSigner
from apps.audit.health import read_metrics
from apps.audit.models import AuditAnchor, AuditHead, AuditLeaf, AuditTile, AuditVerification
from apps.audit.selectors.recomputing import Walk
from apps.audit.selectors.tree import last_head
from apps.audit.selectors.verification import log_state, verified_to
from apps.audit.services.trail import log_audit_event
from apps.audit.services.verification import CannotVerify, verify_in_turns, verify_log, verify_new
from apps.audit.tasks import verify_all, verify_what_is_new
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon, sequence
from apps.audit.tests.tampering import changed, grow, without_triggers
from apps.audit.types import VerificationKind
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import fetch_one, run_sql, unit_of_work
from apps.core.models import Alert
from apps.core.testing import databases

ALERT = "audit.verification:failed"
LOG, LEAF, HEAD = ("audit_auditlog",), ("audit_leaf", "audit_leaf_hash"), ("audit_head",)
HASHED_ANEW = """
    UPDATE audit_leaf_hash l SET hash = sha256('\\x00'::bytea || convert_to(t.body, 'UTF8'))
    FROM audit_text t WHERE t.index = l.index AND l.index = %s
"""
FILL = """
    INSERT INTO audit_auditlog (action, resource_type, resource_id, after)
    SELECT 'test.filled', 'thing', n::text, json_build_object('n', n::text) FROM generate_series(%s, %s) n
"""


def full() -> AuditVerification:
    return verify_log(kind=VerificationKind.FULL, now=clock.now())


def said(row: AuditVerification) -> tuple[str, int | None, str]:
    return row.outcome, row.bad_index, row.fault


def alerts() -> list[str]:
    return list(Alert.objects.filter(dedup_key=ALERT, resolved_at=None).values_list("severity", flat=True))


def sizes() -> list[int]:
    return list(AuditHead.objects.order_by("size").values_list("size", flat=True))


def place(index: int) -> AuditLeaf:
    return AuditLeaf.objects.get(index=index)


def signed_anew(size: int, **changes: Any) -> bytes:
    """By who has the key."""
    head = AuditHead.objects.get(size=size)
    facts = {"log": head.log, "size": size, "root": bytes(head.root), "at": head.at} | changes
    return HeadSigner(settings.AUDIT_LOG.seed).sign(Head(**facts))


@pytest.fixture(scope="class")
def log(books: str) -> str:
    """Twenty events or more under five heads."""
    grow(4, 1, 6, 2, 7)
    return books


@pytest.mark.usefixtures("log")
class TestAGoodLog:
    def test_is_verified_whole_and_the_run_is_kept(self) -> None:
        before = AuditVerification.objects.count()
        row, head = full(), last_head()
        assert head
        assert said(row) == ("VERIFIED", None, "")
        assert (row.start, row.stop, row.head_size, bytes(row.root or b"")) == (
            0,
            head.size,
            head.size,
            bytes(head.root),
        )
        assert AuditVerification.objects.count() == before + 1
        assert alerts() == []

    @pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
    def test_is_the_same_whatever_the_chunk_and_from_wherever(self, chunk: int) -> None:
        head = last_head()
        assert head
        for start in [0, *sizes()]:
            *_, last = Walk(start, head.size, chunk)
            assert (last.difference, last.verified, last.root) == (None, head.size, bytes(head.root))

    def test_is_verified_from_where_the_last_run_ended(self) -> None:
        first = verify_new(now=clock.now())
        again = verify_new(now=clock.now())
        assert (again.start, again.stop, said(again)[0]) == (first.stop, first.stop, "VERIFIED")
        grow(3)
        more = verify_new(now=clock.now())
        assert (more.start, more.stop - more.start) == (first.stop, 3)

    def test_of_a_range_is_that_of_the_heads_around_it(self) -> None:
        _, two, three, *_ = sizes()
        row = verify_log(kind=VerificationKind.RANGE, start=two + 1, stop=two + 2, now=clock.now())
        assert (row.start, row.stop, row.outcome) == (two, three, "VERIFIED")
        for start, stop in ((-1, 2), (3, 2), (0, 10**6)):
            with pytest.raises(CannotVerify, match="not within"):
                verify_log(kind=VerificationKind.RANGE, start=start, stop=stop, now=clock.now())

    def test_is_gone_over_in_turns_where_time_is_short(self) -> None:
        # Chunks are longer than this log, so that one turn does it all, and the next begins anew.
        row = verify_in_turns(now=clock.now(), seconds=0)
        assert (row.start, row.stop) == (0, row.head_size)
        assert verify_in_turns(now=clock.now(), seconds=0).start == 0

    def test_is_not_gone_over_within_a_transaction(self) -> None:
        with unit_of_work(), pytest.raises(RuntimeError, match="transaction"):
            full()

    def test_is_gone_over_without_a_transaction_that_stays_open(self) -> None:
        grow(30)
        pid = fetch_one("SELECT pg_backend_pid()")
        seen = []
        for _ in Walk(0, sizes()[-1], 5):
            with connections["direct"].cursor() as other:
                other.execute("SELECT state, backend_xmin FROM pg_stat_activity WHERE pid = %s", pid)
                seen.append(other.fetchone())
        assert len(seen) >= 6
        assert set(seen) == {("idle", None)}

    def test_is_verified_by_the_schedule(self) -> None:
        for task, kind in ((verify_what_is_new, "NEW"), (verify_all, "FULL")):
            before = AuditVerification.objects.filter(kind=kind, outcome="VERIFIED").count()
            task.apply()
            assert AuditVerification.objects.filter(kind=kind, outcome="VERIFIED").count() == before + 1
            entry = next(e for e in settings.CELERY_BEAT_SCHEDULE.values() if e["task"] == task.name)
            assert entry["options"] == {"queue": "default"}

    def test_with_an_expired_event_is_good(self) -> None:
        first, second = 2, 3
        events = [place(first).event_id, place(second).event_id]
        with changed(("DELETE FROM audit_auditlog WHERE id = ANY(%s)", [events]), tables=LOG):
            assert said(full()) == ("FAILED", first, "REMOVED")
        ranges = [[first, second], [second, second + 1], "nonsense", [None, {}], ["1", "2"]]
        with unit_of_work():
            log_audit_event(
                actor=system_actor(),
                action="audit.expired",
                resource_type="audit_log",
                resource_id="1",
                after={"ranges": ranges},
            )
        pass_horizon()
        sequence()
        with changed(("DELETE FROM audit_auditlog WHERE id = ANY(%s)", [events]), tables=LOG):
            assert said(full()) == ("VERIFIED", None, "")


@pytest.mark.usefixtures("log")
class TestAChange:
    @pytest.mark.parametrize("index", [0, 5, -1])
    def test_of_a_text_is_found(self, index: int) -> None:
        at = sizes()[-1] + index if index < 0 else index
        edit = """UPDATE audit_auditlog SET after = '{"amount":"1000000"}' WHERE id = %s"""
        with changed((edit, [place(at).event_id]), tables=LOG):
            assert said(full()) == ("FAILED", at, "EDITED")
        assert said(full())[0] == "VERIFIED"

    def test_of_a_time_is_found(self) -> None:
        backdate = "UPDATE audit_auditlog SET created_at = created_at - interval '1 day' WHERE id = %s"
        with changed((backdate, [place(6).event_id]), tables=LOG):
            assert said(full()) == ("FAILED", 6, "EDITED")

    def test_that_removes_an_event_is_found(self) -> None:
        with changed(("DELETE FROM audit_auditlog WHERE id = %s", [place(7).event_id]), tables=LOG):
            assert said(full()) == ("FAILED", 7, "REMOVED")

    def test_that_puts_an_event_in_is_found_before_the_place_it_was_put(self) -> None:
        put = [
            ("CREATE TEMPORARY TABLE put ON COMMIT DROP AS SELECT * FROM audit_auditlog WHERE id = %s", None),
            ("UPDATE put SET id = nextval('audit_auditlog_id_seq'), resource_id = 'forged'", []),
            ("INSERT INTO audit_auditlog OVERRIDING SYSTEM VALUE TABLE put", []),
        ]
        statements = [(sql, [place(4).event_id] if params is None else params) for sql, params in put]
        with changed(*statements, tables=LOG):
            assert said(full()) == ("FAILED", 5, "INSERTED")

    def test_of_a_text_and_its_leaf_is_found_by_the_next_head(self) -> None:
        _, second, *_ = sizes()
        event = place(second + 1).event_id
        edit = """UPDATE audit_auditlog SET after = '{"amount":"1000000"}' WHERE id = %s"""
        with changed((edit, [event]), (HASHED_ANEW, [second + 1]), tables=(*LOG, *LEAF)):
            assert said(full()) == ("FAILED", second, "ROOT")

    @pytest.mark.parametrize("table", LEAF)
    def test_that_removes_a_leaf_or_its_hash_is_found(self, table: str) -> None:
        with changed((f"DELETE FROM {table} WHERE index = %s", [9]), tables=LEAF):
            assert said(full()) == ("FAILED", 9, "GAP")

    def test_that_exchanges_two_leaves_is_found(self) -> None:
        swap = """UPDATE audit_leaf_hash h SET hash = (SELECT hash FROM audit_leaf_hash o WHERE o.index = 17 - h.index)
                  WHERE index IN (8, 9)"""
        with changed((swap, []), tables=LEAF):
            assert said(full()) == ("FAILED", 8, "EDITED")

    def test_of_a_head_is_found(self) -> None:
        first, second, third, *_ = sizes()
        later = "UPDATE audit_head SET at = at + interval '1 microsecond' WHERE size = %s"
        with changed((later, [second]), tables=HEAD):
            assert said(full()) == ("FAILED", first, "SIGNATURE")
        root = "UPDATE audit_head SET root = sha256('x'::bytea), signature = %s WHERE size = %s"
        forged = signed_anew(third, root=bytes(32))
        with changed((root, [forged, third]), tables=HEAD):
            assert said(full()) == ("FAILED", second, "ROOT")

    def test_of_a_heads_time_or_log_is_found_though_it_is_signed(self) -> None:
        first, second, *_ = sizes()
        head = AuditHead.objects.get(size=first)
        early = AuditHead.objects.get(size=second).at - (AuditHead.objects.get(size=second).at - head.at) * 2
        at = "UPDATE audit_head SET at = %s, signature = %s WHERE size = %s"
        with changed((at, [early, signed_anew(second, at=early), second]), tables=HEAD):
            assert said(full()) == ("FAILED", first, "HEAD")
        log = "UPDATE audit_head SET log = 'other/audit', signature = %s WHERE size = %s"
        with changed((log, [signed_anew(second, log="other/audit"), second]), tables=HEAD):
            assert said(full()) == ("FAILED", first, "HEAD")

    def test_of_the_key_is_found(self) -> None:
        other = HeadSigner(bytes(32)).public_key
        with without_triggers("audit_signing_key") as cursor:
            cursor.execute("SELECT key_id, public_key FROM audit_signing_key LIMIT 1")
            name, kept = cursor.fetchone()
            cursor.execute("UPDATE audit_signing_key SET public_key = %s WHERE key_id = %s", [other, name])
        assert said(full()) == ("FAILED", 0, "SIGNATURE")
        with without_triggers("audit_signing_key") as cursor:
            cursor.execute("UPDATE audit_signing_key SET public_key = %s WHERE key_id = %s", [bytes(kept), name])
        assert said(full())[0] == "VERIFIED"

    def test_that_cuts_the_end_is_found_once_it_had_been_verified(self) -> None:
        full()
        *_, before, last = sizes()
        cut = [
            ("DELETE FROM audit_head WHERE size > %s", [before]),
            ("DELETE FROM audit_auditlog WHERE id IN (SELECT event FROM audit_leaf WHERE index >= %s)", [before]),
            ("DELETE FROM audit_leaf WHERE index >= %s", [before]),
            ("DELETE FROM audit_leaf_hash WHERE index >= %s", [before]),
        ]
        with changed(*cut, tables=(*HEAD, *LOG, *LEAF)):
            assert said(verify_new(now=clock.now())) == ("FAILED", before, "TRUNCATED")
            assert alerts() == ["CRITICAL"]
        assert said(verify_new(now=clock.now()))[0] == "VERIFIED"
        assert (alerts(), verified_to()) == ([], last)

    def test_that_takes_a_verified_head_away_is_found(self) -> None:
        row = verify_log(kind=VerificationKind.RANGE, stop=sizes()[1], now=clock.now())
        with changed(("DELETE FROM audit_head WHERE size = %s", [row.stop]), tables=HEAD):
            assert said(full()) == ("FAILED", row.stop, "FORKED")

    def test_of_what_was_anchored_is_found(self) -> None:
        first, *_, last = sizes()
        facts = {"kind": "EVM", "log": "localhost/audit", "place": "eip155:1", "digest": bytes(32)}

        def anchored(size: int, root: bytes, tx: str) -> AuditAnchor:
            return AuditAnchor.objects.create(size=size, root=root, tx_hash=tx, anchored_at=clock.now(), **facts)

        try:
            anchored(first, bytes(AuditHead.objects.get(size=first).root), "0x1")
            assert said(full())[0] == "VERIFIED"
            anchored(first, bytes(32), "0x2")
            assert said(full()) == ("FAILED", 0, "FORKED")
            anchored(last + 5, bytes(32), "0x3")
            assert said(full()) == ("FAILED", last, "TRUNCATED")
        finally:
            with without_triggers("audit_anchor") as cursor:
                cursor.execute("DELETE FROM audit_anchor")
        assert said(full())[0] == "VERIFIED"


@pytest.mark.usefixtures("log")
class TestAFailure:
    def test_is_told_until_a_run_has_gone_over_its_place_again(self) -> None:
        first, second, *_ = sizes()
        full()
        edit = """UPDATE audit_auditlog SET after = '{}' WHERE id = %s"""
        with changed((edit, [place(first).event_id]), tables=LOG):
            assert said(full()) == ("FAILED", first, "EDITED")
            assert alerts() == ["CRITICAL"]
            other = verify_log(kind=VerificationKind.RANGE, start=second, now=clock.now())
            assert said(other)[0] == "VERIFIED"
            assert alerts() == ["CRITICAL"]
            assert verified_to() == min(first, verified_to())
            assert said(verify_new(now=clock.now())) == ("FAILED", first, "EDITED")
            state = log_state()
            assert state.failure
            assert (state.failure.bad_index, metric("bookentry_audit_verification_fails")) == (first, 1)
        assert said(verify_new(now=clock.now()))[0] == "VERIFIED"
        assert (alerts(), log_state().failure, metric("bookentry_audit_verification_fails")) == ([], None, 0)

    def test_is_kept_for_good(self) -> None:
        with changed(("DELETE FROM audit_leaf WHERE index = 3", []), tables=LEAF):
            row = full()
        for statement in ("UPDATE audit_verification SET outcome = 'VERIFIED'", "DELETE FROM audit_verification"):
            with pytest.raises(Exception, match="permission denied"), unit_of_work():
                run_sql(statement)
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic("owner"):
                connections["owner"].cursor().execute(statement)
        row.refresh_from_db()
        assert row.outcome == "FAILED"


def metric(name: str) -> float:
    (value,) = (sample.value for sample in read_metrics() if sample.metric.name == name)
    return value


class TestMetrics:
    def test_tell_how_long_ago_the_log_was_verified(self, log: str) -> None:
        def ages() -> dict[str, float]:
            found = [each for each in read_metrics() if each.metric.name == "bookentry_audit_verified_age_seconds"]
            return {each.labels[0]: each.value for each in found}

        verify_new(now=clock.now())
        full()
        assert set(ages()) == {"new", "full"}
        assert max(ages().values()) < 30
        assert metric("bookentry_audit_verified_to") == sizes()[-1]


@pytest.mark.usefixtures("books")
class TestALogOfTiles:
    """More than the 65,536 leaves of a full tile."""

    def test_is_verified_and_a_changed_tile_is_found(self) -> None:
        with pytest.raises(CannotVerify, match="no head"):
            full()
        for start in range(0, 70_000, 10_000):
            with unit_of_work():
                run_sql(FILL, [start, start + 9_999])
        pass_horizon()
        sequence()
        assert AuditTile.objects.count() == 1
        row = verify_in_turns(now=clock.now(), seconds=0)
        assert said(row)[0] == "VERIFIED"
        # A turn ends at the first head it reaches.
        assert 0 < row.stop < row.head_size or AuditHead.objects.count() == 1
        while row.stop < row.head_size:
            follower = verify_in_turns(now=clock.now(), seconds=0)
            assert follower.start == row.stop
            row = follower
        assert said(full())[0] == "VERIFIED"
        spoil = "UPDATE audit_tile SET data = overlay(data PLACING '\\x00'::bytea FROM 700) WHERE level = 1"
        with changed((spoil, []), tables=("audit_tile",)):
            assert said(full()) == ("FAILED", 0, "TILE")
        with changed(("DELETE FROM audit_tile", []), tables=("audit_tile",)):
            assert said(full()) == ("FAILED", 0, "TILE")
        beyond = "UPDATE audit_tile SET number = 7"
        with changed((beyond, []), tables=("audit_tile",)):
            assert said(full()) == ("FAILED", 7 * 65_536, "TILE")


class TestALogThatGrowsMeanwhile:
    def test_is_never_said_to_be_wrong(self, books: str) -> None:
        grow(5)
        connections.close_all()
        end = threading.Event()

        def write() -> None:
            while not end.is_set():
                with unit_of_work():
                    run_sql(FILL, [1, 50])
            connections.close_all()

        def number() -> None:
            log = Led(100)
            now = clock.now()
            while not end.is_set():
                now += HEAD_PAUSE
                log.step(now)
            connections.close_all()

        with ThreadPoolExecutor(3) as pool:
            busy = [pool.submit(write), pool.submit(write), pool.submit(number)]
            rows = [row for _ in range(6) for row in (verify_new(now=clock.now()), full())]
            end.set()
            for each in busy:
                each.result()
        assert {said(row) for row in rows} == {("VERIFIED", None, "")}
        assert rows[-1].stop > rows[0].stop
        assert alerts() == []


def command(*argv: str) -> tuple[int, str]:
    """Exit status and what was said."""
    out = StringIO()
    try:
        call_command("verify_audit", *argv, stdout=out)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


class TestTheCommand:
    def test_says_what_it_verified_and_by_its_status_whether_all_is_well(self, books: str) -> None:
        assert command("--full") == (2, "no head is signed yet")
        grow(5, 5)
        first, last = sizes()
        code, told = command()
        assert (code, told.split(",")[0]) == (0, f"verified: {last} events")
        assert command()[1].startswith("verified: nothing new, as of head")
        assert command("--full")[0] == 0
        assert f"{first}..{last - 1}" in command("--from", str(first))[1]
        assert command("--full", "--from", "1")[0] == 2
        assert command("--to", str(last + 1))[0] == 2
        with changed(("DELETE FROM audit_leaf WHERE index = 1", []), tables=LEAF):
            code, told = command("--full")
            assert (code, told) == (1, "THE LOG WAS CHANGED at index 1: the leaf is gone (GAP)")
            assert command()[0] == 1
        assert command()[0] == 0

    def test_says_by_its_status_that_it_knows_nothing_while_the_database_is_away(self) -> None:
        away = "postgres://nobody:unused@127.0.0.1:1/none"
        names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_DIRECT_URL")
        done = subprocess.run(
            [sys.executable, "manage.py", "verify_audit"],
            cwd=databases.ROOT,
            env={**os.environ, **dict.fromkeys(names, away)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "the database does not answer" in done.stderr
