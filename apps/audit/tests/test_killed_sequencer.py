"""The sequencer is killed at every message it sends to its database, while others write: no gap, no double."""

import multiprocessing
import os
import random
import time
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess

import pytest
from django.db import connections

from apps.audit.engines import Integrator, Sequencer
from apps.audit.models import AuditLeaf, AuditLog
from apps.audit.services.trail import log_audit_event
from apps.audit.testing import pass_horizon, sequence
from apps.audit.tests.test_sequencing import require_whole, write
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.daemon import elect
from apps.core.db import fetch_all, unit_of_work
from apps.core.testing.wire import KillingProxy

fork = multiprocessing.get_context("fork")
STEPS = 6


def run_engines(port: int, batch: int) -> None:
    """A process with both engines in turn: connects through the proxy, does some steps, and ends."""
    connections.settings["default"].update(HOST="127.0.0.1", PORT=port)
    engines = Sequencer(batch), Integrator(batch)
    leads = []
    for engine in engines:
        while (leadership := elect(engine.name)) is None:
            time.sleep(0.01)
        engine.lead(leadership)
        leads.append(leadership)
    for _ in range(STEPS):
        for engine, leadership in zip(engines, leads, strict=True):
            engine.step(leadership, clock.now())
    os._exit(0)


def write_until(stop: object) -> None:
    """Another process: short transactions, some of which are rolled back."""
    chance, numbers = random.Random(7), count()
    while not stop.is_set():
        with suppress(ZeroDivisionError), unit_of_work():
            for _ in range(chance.randint(1, 4)):
                log_audit_event(
                    actor=system_actor(), action="test.done", resource_type="r", resource_id=chance.randrange(5)
                )
            1 // (next(numbers) % 3)  # a third of them fails
    os._exit(0)


def started(target: object, *args: object) -> BaseProcess:
    """A forked process. The parent's connections are closed first: a shared socket would serve neither."""
    connections.close_all()
    process = fork.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def run_until_killed(at: int, *, forward: bool, batch: int) -> bool:
    """One run, killed at its message number `at`; false if it ended by itself before."""
    settings = connections.settings["default"]
    upstream = (settings["HOST"], int(settings["PORT"]))
    running: list[BaseProcess] = []
    with KillingProxy(upstream, lambda: running[0].pid, at=at, forward=forward) as proxy:
        running.append(started(run_engines, proxy.port, batch))
        running[0].join(30)
        assert running[0].exitcode in ((-9,) if proxy.killed else (0,)), running[0].exitcode
        return proxy.killed


def survive(*, batch: int, both_ways: bool) -> int:
    """Kill sequencer after sequencer at message 1, 2, 3 ... until one comes to its end; the number of kills."""
    stop = fork.Event()
    writer = started(write_until, stop)
    kills = 0
    try:
        for at in count(1):
            ways = (False, True) if both_ways else (bool(at % 2),)
            killed = [run_until_killed(at, forward=forward, batch=batch) for forward in ways]
            kills += sum(killed)
            if not any(killed):
                break
    finally:
        stop.set()
        writer.join(10)
    assert writer.exitcode == 0
    return kills


def verify() -> None:
    """All that was committed has its leaf, once, in order."""
    pass_horizon()
    sequence()
    events = require_whole()
    assert events == [row[0] for row in fetch_all("SELECT id FROM audit_auditlog ORDER BY xid, id")]
    assert len(events) == AuditLog.objects.count() == AuditLeaf.objects.count() > 0


@pytest.mark.usefixtures("books")
class TestAKill:
    def test_at_any_message_leaves_no_gap_and_no_double(self) -> None:
        write(1)
        assert survive(batch=3, both_ways=False) > 40
        verify()


@pytest.mark.soak
@pytest.mark.usefixtures("books")
class TestEveryKill:
    @pytest.mark.parametrize("batch", [1, 7, 1000])
    def test_before_and_after_every_message_leaves_no_gap_and_no_double(self, batch: int) -> None:
        assert survive(batch=batch, both_ways=True) > 60
        verify()
