"""Holds placed while events expire, kills in the middle, two at once, and how fast it goes."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connections

from apps.audit.errors import ExpiryTaken
from apps.audit.models import AuditExpiry, AuditExpiryRun, AuditHold, AuditLog
from apps.audit.services import expiry
from apps.audit.services.expiry import expire_events, expire_tonight
from apps.audit.services.holds import HoldDraft, place_hold
from apps.audit.tests.aging import AGED, OLD, anchor, as_owner, export, present, put_on_record, record, settle, sign
from apps.audit.tests.test_export import verify
from apps.audit.types import HoldKind, HoldReason
from apps.core import clock
from apps.core.actor import Actor
from apps.core.db import fetch_one, run_sql, unit_of_work
from apps.vault.services import holds as vault

fork = multiprocessing.get_context("fork")
WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND relation IN ('audit_hold'::regclass, 'vault_subjecthold'::regclass)
"""
MANY = """
    INSERT INTO audit_auditlog (action, resource_type, resource_id, after, record_class)
    SELECT 'test.done', 'thing', 'bulk-' || n, '{"amount":"12.50"}'::json, 'audit_trail' FROM generate_series(1, %s) n
"""


def bulk(number: int) -> None:
    """Many old events at once."""
    with unit_of_work():
        before = fetch_one("SELECT coalesce(max(id), 0) FROM audit_auditlog")
        run_sql(MANY, [number])
    as_owner(AGED.replace("id = ANY (%s)", "id > %s"), [OLD, before[0]])


class Beside:
    """A function in a thread, on a connection of its own."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.result: object = None
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            self.result = work()
        except Exception as error:  # noqa: BLE001 (it is the result)
            self.result = error
        finally:
            connections.close_all()

    def join(self) -> object:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.result


def wait_for_lock() -> None:
    end = time.monotonic() + 20
    while fetch_one(WAITING) == (0,):
        assert time.monotonic() < end
        time.sleep(0.01)


def expire() -> int:
    return expire_events(now=clock.now(), anew=True).removed


def officer() -> Actor:
    return Actor(user_id=uuid4(), party_id=None, roles=frozenset({"COMPLIANCE"}))


@pytest.mark.usefixtures("books")
class TestAHoldBesideAnExpiry:
    @pytest.mark.parametrize("kind", ["ours", "vault"])
    def test_that_has_not_committed_is_waited_for_and_wins(self, kind: str) -> None:
        subject = uuid4()
        events = record(3, days=OLD, actor=Actor(user_id=subject, party_id=None))
        settle()
        with unit_of_work():
            if kind == "ours":
                draft = HoldDraft(HoldKind.SUBJECT, "case-1", HoldReason.LITIGATION, subject=subject)
                place_hold(actor=officer(), draft=draft, now=clock.now())
            else:
                vault.place_hold(actor=officer(), subject=subject, reference="case-2", now=clock.now())
            beside = Beside(expire)
            wait_for_lock()
            assert present(events) == events
        assert beside.join() == 0
        assert present(events) == events

    def test_that_comes_later_waits_for_the_chunk_and_keeps_the_rest(self) -> None:
        events = record(6, days=OLD)
        settle()
        draft = HoldDraft(HoldKind.ALL, "case-3", HoldReason.AUTHORITY)
        with unit_of_work():
            assert fetch_one("SELECT removed FROM audit_expire(%s, 2, '')", [events[0] - 1]) == (2,)
            beside = Beside(lambda: place_hold(actor=officer(), draft=draft, now=clock.now()))
            wait_for_lock()
        placed = beside.join()
        assert AuditHold.objects.get(pk=placed).released_at is None
        assert expire() == 0
        assert present(events) == events[2:]


@pytest.mark.usefixtures("books")
class TestTwoAtOnce:
    def test_are_one_and_a_refusal(self) -> None:
        go, gone = threading.Event(), threading.Event()

        def hold_the_lock() -> None:
            run_sql("SELECT pg_advisory_lock(8, hashtext(''))")
            go.set()
            gone.wait(30)

        beside = Beside(hold_the_lock)
        assert go.wait(30)
        try:
            with pytest.raises(ExpiryTaken):
                expire()
        finally:
            gone.set()
            beside.join()
        # A session that has ended gives its locks back a moment later.
        end = time.monotonic() + 20
        while fetch_one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 8") != (0,):
            assert time.monotonic() < end
        assert expire() == 0

    def test_of_the_function_itself_remove_each_event_once(self) -> None:
        record(40, days=OLD)
        settle()

        def whole() -> int:
            with unit_of_work():
                row = fetch_one("SELECT removed FROM audit_expire(0, 1000, '')")
                time.sleep(0.2)
            return row[0]

        both = [Beside(whole), Beside(whole)]
        assert sorted(one.join() for one in both) == [0, 40]
        assert AuditLog.objects.filter(action="audit.expired").count() == AuditExpiry.objects.count() == 1


def run_expiry(database: str) -> None:
    """A process that expires in small chunks until it is killed."""
    connections.close_all()
    expiry.expire_events(now=clock.now(), told=lambda _: time.sleep(0.05))
    os._exit(0)


class TestAKilledExpiry:
    def test_goes_on_where_it_was_and_each_event_went_with_its_record(self, books: str, tmp_path: Path) -> None:
        bulk(6_000)
        old = sign(days=OLD)
        record()
        anchor(sign())
        export(tmp_path / "before")
        kills = 0
        for _ in range(3):
            had = AuditLog.objects.count()
            connections.close_all()
            process = fork.Process(target=run_expiry, args=(books,), daemon=True)
            process.start()
            end = time.monotonic() + 30
            while AuditLog.objects.count() > had - 200 and process.is_alive():
                assert time.monotonic() < end
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            process.join(10)
            kills += process.exitcode == -signal.SIGKILL
            told = sum(row.after["removed"] for row in AuditLog.objects.filter(action="audit.expired"))
            left = AuditLog.objects.filter(action="test.done", resource_type="thing", resource_id__startswith="bulk-")
            assert (told, left.count() + told) == (sum(AuditExpiry.objects.values_list("removed", flat=True)), 6_000)
        assert kills == 3
        assert 0 < told < 6_000
        run = AuditExpiryRun.objects.get(ended_at=None)
        assert (run.removed, run.position > 0) == (told, True)
        done = expire_tonight(now=clock.now(), seconds=60)
        assert done is not None
        assert (done.removed, done.is_done) == (6_000, True)
        sign()
        code, found = verify(export(tmp_path / "after", "--to", old))
        assert (code, found["findings"]) == (0, [])


@pytest.mark.soak
class TestARate:
    @pytest.mark.usefixtures("books")
    def test_of_a_hundred_thousand(self, capsys: pytest.CaptureFixture[str]) -> None:
        number = 100_000
        bulk(number)
        size = sign()
        put_on_record(0, size)
        anchor(size)
        run_sql("ANALYZE audit_leaf")
        began = time.monotonic()
        done = expire_events(now=clock.now())
        took = time.monotonic() - began
        with capsys.disabled():
            print(f"\n{number / took:,.0f} events/s expired, longest chunk {done.longest_seconds:.2f} s")
        assert (done.removed, done.is_done) == (number, True)
        assert done.longest_seconds < 1
        assert number / took > 2_000
