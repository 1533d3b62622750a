"""What the floor raises by itself, and resolves when it has passed."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command

from apps.core import clock, leases, outbox
from apps.core.daemon import Deposed, Leadership, elect
from apps.core.db import run_sql, unit_of_work
from apps.core.leases import enqueue, fail, sweep, take
from apps.core.models import Alert, OutboxPending, ProviderCircuit, WorkItem
from apps.core.registry import Event, registry
from apps.core.relay import Relay
from apps.core.services.workers import beat_heart
from apps.core.types import CircuitState, WorkState
from apps.core.watchman import NO_WORKER, Watchman, circuit_key, silent_key

THRESHOLDS = settings.SECURITY.monitoring.thresholds
ATTEMPTS = THRESHOLDS.dead_letter_attempts


def is_open(key: str) -> bool:
    return Alert.objects.filter(dedup_key=key, resolved_at=None).exists()


@pytest.fixture(scope="class")
def leader(books: str) -> Leadership:
    found = elect("watchman")
    assert found is not None
    return found


def beat(name: str, seconds_ago: int) -> None:
    run_sql(
        "INSERT INTO core_enginestate (name, epoch, host, heartbeat_at, last_error) "
        "VALUES (%s, 1, '', now() - make_interval(secs => %s), '') "
        "ON CONFLICT (name) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at",
        [name, seconds_ago],
    )


class TestTheWatchman:
    def test_reports_an_engine_without_leader_until_it_beats(
        self, leader: Leadership, caplog: pytest.LogCaptureFixture
    ) -> None:
        watchman, now = Watchman(), clock.now()
        for name in registry.engines:
            beat(name, 1)
        watchman.step(leader, now)
        assert not Alert.objects.exists()
        beat("relay", 60)
        watchman.step(leader, now)
        watchman.step(leader, now)
        alert = Alert.objects.get(dedup_key=silent_key("relay"))
        assert (alert.severity, alert.count) == ("CRITICAL", 1)
        assert [r.message for r in caplog.records if r.levelname == "CRITICAL"] == ["engine silent"]
        beat("relay", 1)
        watchman.step(leader, now)
        assert not is_open(silent_key("relay"))

    def test_reports_an_engine_that_never_ran_once_it_has_waited(self, leader: Leadership) -> None:
        watchman, now = Watchman(), clock.now()
        run_sql("DELETE FROM core_enginestate WHERE name = 'sweeper'")
        watchman.step(leader, now)
        assert not is_open(silent_key("sweeper"))
        watchman.step(leader, now + timedelta(seconds=THRESHOLDS.engine_silent_seconds + 1))
        assert is_open(silent_key("sweeper"))

    def test_writes_nothing_once_deposed(self, leader: Leadership) -> None:
        with pytest.raises(Deposed):
            Watchman().step(Leadership("watchman", leader.epoch - 1), clock.now())


class TestWorkSetAside:
    KEY = leases.dead_key("doomed")

    def test_raises_where_it_fails_for_the_last_time_and_is_tried_again_on_command(self, leader: Leadership) -> None:
        now = clock.now()
        with unit_of_work():
            enqueue(kind="doomed", key="1", now=now)
        for _ in range(ATTEMPTS):
            assert not is_open(self.KEY)
            now += timedelta(minutes=10)
            (lease,) = take(kind="doomed", now=now)
            fail(lease=lease, error="broken", now=now)
        assert is_open(self.KEY)
        Watchman().step(leader, now)
        assert is_open(self.KEY)
        call_command("retry_set_aside", "--work", "doomed")
        item = WorkItem.objects.get(kind="doomed")
        assert (item.state, item.attempts, is_open(self.KEY)) == (WorkState.QUEUED, 0, False)

    def test_raises_where_its_lease_expired_too_often(self, books: str) -> None:
        now = clock.now()
        WorkItem.objects.filter(kind="doomed").update(attempts=ATTEMPTS - 1, run_at=now)
        take(kind="doomed", now=now)
        sweep(now=now + timedelta(minutes=1))
        assert WorkItem.objects.get(kind="doomed").state == WorkState.DEAD
        assert is_open(self.KEY)

    def test_is_resolved_by_the_watchman_when_none_is_left(self, leader: Leadership) -> None:
        WorkItem.objects.filter(kind="doomed").update(state=WorkState.DONE)
        Watchman().step(leader, clock.now())
        assert not is_open(self.KEY)


class TestAnEventSetAside:
    def test_raises_and_is_dispatched_again_on_command(self, books: str) -> None:
        seen: list[int] = []
        broken = [True]

        def handle(event: Event) -> None:
            if broken:
                raise ValueError("poison")
            seen.append(event.id)

        registry.consumer("poisoned", {"poisoned"}, handle)
        leader = elect("relay")
        assert leader is not None
        with unit_of_work():
            event_id = outbox.publish(topic="poisoned", key="1")
        for _ in range(ATTEMPTS):
            Relay().step(leader, clock.now())
        assert is_open("outbox.dead:poisoned")
        broken.clear()
        call_command("retry_set_aside", "--events", "poisoned")
        assert not is_open("outbox.dead:poisoned")
        while Relay().step(leader, clock.now()):
            pass
        assert seen == [event_id]
        assert not OutboxPending.objects.filter(event_id=event_id).exists()
        del registry.consumers["poisoned"]


class TestTheWatchmanOfOutsideServices:
    def test_reports_one_that_stays_away_until_it_answers(self, leader: Leadership) -> None:
        watchman, now = Watchman(), clock.now()
        (name, *_) = registry.providers
        opened = {"state": CircuitState.OPEN, "open_until": now}
        circuit = ProviderCircuit.objects.filter(name=name)
        ProviderCircuit.objects.create(name=name, since=now, **opened)
        watchman.step(leader, now)
        assert not is_open(circuit_key(name))
        circuit.update(since=now - timedelta(seconds=THRESHOLDS.engine_silent_seconds + 1))
        watchman.step(leader, now)
        assert Alert.objects.get(dedup_key=circuit_key(name), resolved_at=None).severity == "ERROR"
        circuit.update(state=CircuitState.CLOSED, open_until=None)
        watchman.step(leader, now)
        assert not is_open(circuit_key(name))


class TestTheWatchmanOfWorkers:
    def test_reports_that_none_consumes_once_it_has_waited_for_one(self, leader: Leadership) -> None:
        watchman, now = Watchman(), clock.now()
        watchman.step(leader, now)
        assert not is_open(NO_WORKER)
        later = now + timedelta(seconds=THRESHOLDS.engine_silent_seconds + 1)
        watchman.step(leader, later)
        assert is_open(NO_WORKER)
        beat_heart(worker="one@here", pid=1)
        watchman.step(leader, later)
        assert not is_open(NO_WORKER)
