"""Engines: one leader, fenced epochs, recovery."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connections

from apps.core import clock
from apps.core.daemon import Deposed, Engine, Leadership, beat, elect, run_engine
from apps.core.db import fetch_one, notify, run_sql, unit_of_work
from apps.core.models import EngineState


class Counter(Engine):
    """Counts its steps; fails or waits when told to."""

    name = "counter"
    channels = ("counter_wake",)
    poll_seconds = 30.0

    def __init__(self) -> None:
        self.steps = 0
        self.fail_at: set[int] = set()

    def step(self, leadership: Leadership, now: datetime) -> bool:
        self.steps += 1
        if self.steps in self.fail_at:
            raise ValueError("told to fail")
        with unit_of_work():
            leadership.fence()
        return False


def in_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def wake() -> None:
    with unit_of_work():
        notify("counter_wake")


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition not met in time"
        time.sleep(0.01)


@pytest.mark.usefixtures("books")
class TestLeadership:
    def test_belongs_to_one_connection_at_a_time(self) -> None:
        found: list[Leadership | None] = []

        def stand() -> None:
            found.append(elect("single"))
            connections.close_all()

        mine = elect("single")
        in_thread(stand).join()
        assert mine == Leadership("single", 1)
        assert found == [None]

    def test_a_new_epoch_fences_off_the_old_leader(self) -> None:
        old = elect("fenced")
        assert old is not None
        with unit_of_work():
            run_sql("UPDATE core_enginestate SET epoch = epoch + 1 WHERE name = 'fenced'")
        with pytest.raises(Deposed), unit_of_work():
            old.fence()
        with pytest.raises(Deposed):
            beat(old)

    def test_passes_on_when_the_leaders_connection_dies(self) -> None:
        first = elect("passed_on")
        assert first is not None
        connections.close_all()
        second = elect("passed_on")
        assert second == Leadership("passed_on", first.epoch + 1)


@pytest.mark.usefixtures("books")
class TestRunEngine:
    def test_steps_when_notified_recovers_from_failure_and_stops(self) -> None:
        engine, stop = Counter(), threading.Event()
        engine.fail_at = {2}
        thread = in_thread(lambda: run_engine(engine, stop))
        try:
            wait_for(lambda: engine.steps == 1)
            wake()
            # The second step fails; the engine leads again and steps once unasked.
            wait_for(lambda: engine.steps == 3)
            wake()
            wait_for(lambda: engine.steps == 4)
            state = EngineState.objects.get(name="counter")
            assert (state.last_error, state.epoch) == ("ValueError", 2)
        finally:
            stop.set()
            wake()
            thread.join(10)
        assert not thread.is_alive()

    def test_leads_again_after_its_connection_was_terminated(self) -> None:
        engine, stop = Counter(), threading.Event()
        engine.name, engine.poll_seconds = "terminated", 0.05
        thread = in_thread(lambda: run_engine(engine, stop))
        try:
            wait_for(lambda: engine.steps > 1)
            fetch_one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"
            )
            wait_for(lambda: EngineState.objects.get(name="terminated").epoch == 2)
            heartbeat = EngineState.objects.get(name="terminated").heartbeat_at
            assert heartbeat is not None
            assert abs((clock.now() - heartbeat).total_seconds()) < 5
        finally:
            stop.set()
            thread.join(10)

    def test_tries_ever_more_rarely_what_fails_every_time(self) -> None:
        """Each try loads the engine's memory again and logs a traceback."""
        engine, stop = Counter(), threading.Event()
        engine.name, engine.fail_at = "hopeless", set(range(100))
        thread = in_thread(lambda: run_engine(engine, stop))
        time.sleep(2)
        stop.set()
        thread.join(10)
        assert 2 <= engine.steps <= 6
