"""Events become leaves, and leaves a signed tree."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connections
from django.db.utils import IntegrityError, ProgrammingError

from apps.audit import tree
from apps.audit.engines import LAG, TREE, Integrator, Sequencer
from apps.audit.errors import TreeDiffers
from apps.audit.heads import Head, HeadSigner, verify_head
from apps.audit.models import AuditHead, AuditLeaf, AuditLog, AuditSigningKey
from apps.audit.selectors.tree import backlog
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import HEAD_PAUSE, Led, pass_horizon, sequence
from apps.audit.tests.tampering import without_triggers
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.daemon import Deposed, run_engine
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.core.models import Alert
from apps.core.registry import registry


def write(count: int, resource: str = "a", *, ready: bool = True) -> list[int]:
    """Events of one transaction, by their ids; whose turn has come, unless the test holds it up."""
    with unit_of_work():
        written = [
            log_audit_event(
                actor=system_actor(), action="test.done", resource_type="thing", resource_id=resource, after={"n": n}
            )
            for n in range(count)
        ]
    if ready:
        pass_horizon()
    return written


def require_whole() -> list[int]:
    """The events in the order of their leaves; whole, contiguous, hashed and signed as everyone can recompute it."""
    rows = fetch_all("SELECT index, event, hash, body FROM audit_text ORDER BY index")
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert AuditLeaf.objects.count() == len(rows)
    hashes = [tree.leaf_hash(body.encode()) for _, _, _, body in rows]
    assert [bytes(row[2]) for row in rows] == hashes
    for stored in AuditHead.objects.select_related("key"):
        head = Head(stored.log, stored.size, tree.root_of(hashes[: stored.size]), stored.at)
        assert bytes(stored.root) == head.root
        verify_head(head, bytes(stored.signature), bytes(stored.key.public_key))
    return [row[1] for row in rows]


class OtherWriter:
    """Writes in transactions of its own, which end when they are told to."""

    def __init__(self) -> None:
        params = connections["direct"].get_connection_params()
        params.pop("cursor_factory", None)
        self._connection = psycopg2.connect(**params)

    def write(self, resource: str = "one") -> int:
        """One event's id."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_auditlog (action, resource_type, resource_id) "
                "VALUES ('test.slow', 'slow', %s) RETURNING id",
                [resource],
            )
            return cursor.fetchone()[0]

    def commit(self) -> None:
        self._connection.commit()

    def roll_back(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def slow() -> Iterator[OtherWriter]:
    made = OtherWriter()
    yield made
    made.close()


@pytest.mark.usefixtures("books")
class TestTheSequencer:
    def test_numbers_what_was_committed_in_its_order_and_signs_it(self) -> None:
        first, second = write(3), write(2, "b")
        sequence()
        assert require_whole() == [*first, *second]
        head = AuditHead.objects.get()
        assert (head.size, head.log) == (5, "localhost/audit")
        signer = HeadSigner(settings.AUDIT_LOG.seed)
        assert bytes(AuditSigningKey.objects.get(pk=head.key_id).public_key) == signer.public_key

    def test_goes_on_where_it_was_and_in_batches_of_any_size(self) -> None:
        before = require_whole()
        for batch in (1, 3, 7):
            before += write(10)
            sequence(batch)
            assert require_whole() == before
            assert AuditHead.objects.latest("size").size == len(before)

    def test_signs_nothing_while_nothing_changes_and_one_head_in_a_while(self) -> None:
        log = Led()
        now, heads = clock.now() + HEAD_PAUSE, AuditHead.objects.count()
        for _ in range(5):
            log.step(now + 10 * HEAD_PAUSE)
        assert AuditHead.objects.count() == heads
        for _ in range(3):
            write(1)
            log.step(now)
        assert AuditHead.objects.count() == heads + 1
        log.step(now + HEAD_PAUSE)
        assert AuditHead.objects.count() == heads + 2
        assert AuditHead.objects.latest("size").size == AuditLeaf.objects.count()
        require_whole()

    def test_signs_also_after_its_clock_was_set_back_and_never_an_earlier_time(self) -> None:
        log = Led()
        ahead = clock.now() + timedelta(hours=1)
        for now in (ahead, clock.now()):
            write(1)
            log.step(now)
            head = AuditHead.objects.latest("size")
            assert (head.size, head.at) == (AuditLeaf.objects.count(), ahead)
        require_whole()

    def test_leaves_no_place_for_an_event_of_an_older_transaction(self, slow: OtherWriter) -> None:
        """The slow one takes its number first, and commits last: who came between waits for it."""
        written, event = require_whole(), slow.write()
        between = write(2, "between", ready=False)
        waiting = backlog()
        assert (waiting.is_ready, waiting.is_in_order) == (False, True)
        sequence()
        assert require_whole() == written
        slow.commit()
        pass_horizon()
        assert backlog().is_ready
        sequence()
        assert require_whole() == [*written, event, *between]

    def test_passes_over_what_was_rolled_back(self, slow: OtherWriter) -> None:
        written = require_whole()
        slow.write()
        between = write(1, ready=False)
        slow.roll_back()
        pass_horizon()
        sequence()
        assert require_whole() == [*written, *between]

    def test_tells_operators_while_an_event_waits_too_long(self, slow: OtherWriter) -> None:
        log = Led()
        slow.write()
        write(1, ready=False)
        now = clock.now()
        log.step(now)
        assert not Alert.objects.filter(dedup_key=LAG).exists()
        threading.Event().wait(settings.SECURITY.audit.signing.lag_seconds + 0.2 - (clock.now() - now).total_seconds())
        log.step(clock.now() + HEAD_PAUSE)
        alert = Alert.objects.get(dedup_key=LAG, resolved_at=None)
        assert "a transaction that began before it has not ended" in alert.summary
        slow.commit()
        pass_horizon()
        log.step(clock.now() + 2 * HEAD_PAUSE)
        log.step(clock.now() + 4 * HEAD_PAUSE)
        assert not Alert.objects.filter(dedup_key=LAG, resolved_at=None).exists()

    def test_of_a_former_leader_writes_nothing_more(self) -> None:
        log = Led()
        write(1)
        run_sql("UPDATE core_enginestate SET epoch = epoch + 1 WHERE name = %s", [Sequencer.name])
        leaves = AuditLeaf.objects.count()
        with pytest.raises(Deposed):
            log.step(clock.now())
        assert AuditLeaf.objects.count() == leaves

    def test_works_by_itself_in_the_harness_of_all_engines(self) -> None:
        connections.close_all()  # with it the lead of whoever led here
        stop = threading.Event()
        engines = [registry.engines[name]() for name in (Sequencer.name, Integrator.name)]
        threads = [threading.Thread(target=run_engine, args=(engine, stop)) for engine in engines]
        for thread in threads:
            thread.start()
        try:
            written = write(3)
            end = time.monotonic() + 20
            while AuditHead.objects.latest("size").size < AuditLog.objects.count():
                assert time.monotonic() < end
                stop.wait(0.05)
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
        assert require_whole()[-3:] == written

    def test_heads_of_a_former_key_verify_beside_those_of_the_next(self, settings: Any) -> None:
        settings.AUDIT_LOG = replace(settings.AUDIT_LOG, seed=bytes(32), origin="moved.example.com/audit")
        write(1)
        sequence()
        require_whole()
        assert AuditSigningKey.objects.count() == 2
        assert AuditHead.objects.values("key_id").distinct().count() == 2
        # The log's name is not its address.
        assert set(AuditHead.objects.values_list("log", flat=True)) == {"localhost/audit"}


@pytest.mark.usefixtures("books")
class TestAmongManyWriters:
    def test_numbers_all_that_was_committed_once_and_nothing_else(self) -> None:
        """Eight writers, one of them slow, and hundreds of rollbacks, while the sequencer works."""
        committed: list[int] = []
        rolled_back: list[int] = []
        slow = OtherWriter()
        writers = [threading.Thread(target=_write_and_regret, args=(n, committed, rolled_back)) for n in range(8)]
        log = Led(batch=100)
        began = slow.write("slow")
        for thread in writers:
            thread.start()
        held = 0
        while any(thread.is_alive() for thread in writers):
            log.step(clock.now())
            held = max(held, AuditLeaf.objects.count())
        assert held == 0  # the slow one began before all of them
        committed += [began, slow.write("slow")]
        slow.commit()
        slow.close()
        pass_horizon()
        sequence(batch=100)
        events = require_whole()
        assert len(rolled_back) > 300
        assert sorted(events) == sorted(committed)
        order = [row[0] for row in fetch_all("SELECT id FROM audit_auditlog ORDER BY xid, id")]
        assert events == order


@pytest.mark.usefixtures("books")
class TestTheTreeThatIsStored:
    def test_is_written_by_the_database_alone(self) -> None:
        write(2)
        sequence()
        for statement in (
            "INSERT INTO audit_leaf (index, event, xid) SELECT 99, 99, xid FROM audit_leaf LIMIT 1",
            "INSERT INTO audit_leaf_hash (index, hash) SELECT 99, hash FROM audit_leaf_hash LIMIT 1",
            "UPDATE audit_leaf_hash SET index = 99",
            "TRUNCATE audit_leaf_hash",
            "UPDATE audit_leaf SET event = 99",
            "DELETE FROM audit_leaf",
            "TRUNCATE audit_leaf",
            "UPDATE audit_head SET size = 99",
            "DELETE FROM audit_signing_key",
            "DELETE FROM audit_tile",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                run_sql(statement)
        require_whole()

    def test_refuses_its_owner_too(self) -> None:
        for statement in ("UPDATE audit_leaf SET event = 99", "DELETE FROM audit_head", "TRUNCATE audit_tile"):
            with connections["owner"].cursor() as cursor, pytest.raises(IntegrityError, match="append-only"):
                cursor.execute(statement)
        connections["owner"].close()

    @pytest.mark.parametrize(
        ("table", "damage", "repair"),
        [
            (
                "audit_leaf_hash",
                "UPDATE audit_leaf_hash SET hash = sha256('edited') WHERE index = 0",
                """UPDATE audit_leaf_hash l SET hash = sha256('\\x00'::bytea || convert_to(t.body, 'UTF8'))
                   FROM audit_text t WHERE t.index = l.index""",
            ),
            (
                "audit_leaf_hash",
                "DELETE FROM audit_leaf_hash WHERE index = (SELECT max(index) FROM audit_leaf_hash)",
                "SELECT audit_hash_leaves(10)",
            ),
            (
                "audit_head",
                "UPDATE audit_head SET at = at + interval '1 second'",
                "UPDATE audit_head SET at = at - interval '1 second'",
            ),
        ],
    )
    def test_is_not_signed_over_once_somebody_changed_it(self, table: str, damage: str, repair: str) -> None:
        write(1)
        sequence()
        as_superuser(table, damage)
        heads = AuditHead.objects.count()
        with pytest.raises(TreeDiffers):
            Led()
        alert = Alert.objects.get(dedup_key=TREE, resolved_at=None)
        assert (alert.severity, AuditHead.objects.count()) == ("CRITICAL", heads)
        as_superuser(table, repair)
        sequence()
        assert not Alert.objects.filter(dedup_key=TREE, resolved_at=None).exists()
        require_whole()


def as_superuser(table: str, statement: str) -> None:
    """Lift the guard and write."""
    with without_triggers(table) as cursor:
        cursor.execute(statement)


def _write_and_regret(seed: int, committed: list[int], rolled_back: list[int]) -> None:
    """Transactions of one event, two of five taken back."""
    chance, writer = random.Random(seed), OtherWriter()
    for _ in range(120):
        events = [writer.write(f"{chance.randrange(6)}")]
        if chance.random() < 0.4:
            writer.roll_back()
            rolled_back += events
        else:
            writer.commit()
            committed += events
    writer.close()
