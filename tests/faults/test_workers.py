"""Real workers on a real broker: their work restarts within ten seconds of kill -9, and a silent one is noticed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from apps.chain.testing import ChainPlatform
from apps.core import clock, leases
from apps.core.db import unit_of_work
from apps.core.devstack.layout import CHECKOUT
from apps.core.models import WorkerHeartbeat, WorkItem
from apps.core.registry import registry
from apps.core.services import workers
from apps.core.types import WorkState
from apps.reconciliation.models import Run
from apps.reconciliation.services.schedule import KIND, queue_due, run_due
from apps.reconciliation.tests.stage import Stage
from config.celery import app
from tests.faults.parts import Parts, Servers, node, parts, private_servers, until
from tests.faults.stalling import Stalling, stalling

RESTART_SECONDS = 10
WORKERS = ("first", "second")
# What these leave undone is rows too, which the next of them takes up: it is sent on schedule.
BEGUN_AGAIN = {
    *("core.tasks.beat_heart", "vault.tasks.tidy_documents", "vault.tasks.rotate_keys"),
    *("reconciliation.tasks.reconcile_next", "audit.tasks.anchor_heads"),
    *("audit.tasks.expire_events", "audit.tasks.verify_all", "audit.tasks.verify_new"),
}


class Floor:
    """A security to reconcile, a broker, the sweeper, and a node that answers only when told to."""

    def __init__(self, stage: Stage, servers: Servers, running: Parts, node: Stalling) -> None:
        self.stage, self.servers, self.running, self.node = stage, servers, running, node
        self._days = iter(range(1, 1000))

    def queue(self) -> WorkItem:
        """A run that is due: nothing but the row."""
        now = clock.now()
        key = f"{self.stage.isin}:day-{next(self._days)}"
        with unit_of_work():
            leases.enqueue(kind=KIND, key=key, now=now, payload={"isin": self.stage.isin})
        return WorkItem.objects.get(kind=KIND, key=key)

    def started(self, item: WorkItem, attempts: int) -> bool:
        """Whether it is being done for the nth time."""
        item.refresh_from_db()
        return item.state == WorkState.LEASED and item.attempts == attempts

    def holder(self, item: WorkItem, attempts: int = 1) -> str:
        """The worker that is in the middle of it: the one that asks the node and gets no answer."""
        until(lambda: self.started(item, attempts), 10, "the work is begun")
        asking: list[str] = []
        until(lambda: asking.extend(self._asking()) or asking, 5, "the node is asked")
        return asking[0]

    def _asking(self) -> list[str]:
        return [name for name in WORKERS if self.node.waiting & self.running.ports(name)]

    def done(self, item: WorkItem) -> bool:
        """Whether it is done."""
        item.refresh_from_db()
        return item.state == WorkState.DONE

    def consuming(self, name: str) -> bool:
        """Whether the worker's heart beats: this process's, not that of the one before it."""
        beats = workers.last_beat(worker=node(name), pid=self.running.pid(name)) is not None
        return beats and workers.is_alive(worker=node(name))


@pytest.fixture(scope="class")
def floor(chain_platform: ChainPlatform) -> Iterator[Floor]:
    stage = Stage(chain_platform)
    queue_due(now=clock.now())
    run_due(now=clock.now())  # so that no wake-up finds more than the tests queue
    upstream = urlsplit(chain_platform.url)
    with ExitStack() as stack:
        proxy = stack.enter_context(stalling(upstream.hostname or "", upstream.port or 0))
        servers = stack.enter_context(private_servers())
        broker = os.environ.get("TEST_BROKER_URL") or servers.start(servers.valkey)["REDIS_URL"]
        urls = {"CELERY_BROKER_URL": broker, "CHAIN_RPC_URL": f"http://127.0.0.1:{proxy.port}"}
        running = stack.enter_context(parts(chain_platform.environment() | urls))
        running.manage("engines", "run_engines", "sweeper")
        found = Floor(stage, servers, running, proxy)
        for name in WORKERS:
            running.worker(name)
        for name in WORKERS:
            until(lambda name=name: found.consuming(name), 60, "the workers consume")
        yield found
        running.tell()


class TestAKilledWorker:
    """One floor, in the order of the tests."""

    def test_every_task_is_a_door_to_leased_work_or_begun_again_by_the_clock(self) -> None:
        app.loader.import_default_modules()
        ours = {name for name, task in app.tasks.items() if type(task).run.__module__.startswith("apps.")}
        assert ours == {*registry.work.values(), *BEGUN_AGAIN}

    def test_is_known_to_consume_by_its_heartbeat(self, floor: Floor) -> None:
        asked = [sys.executable, str(CHECKOUT / "manage.py"), "check_worker", "--name"]
        answers = [
            subprocess.run(
                [*asked, name], env=floor.stage.platform.environment(), capture_output=True, text=True, check=False
            )
            for name in (node("first"), node("nobody"))
        ]
        assert [done.returncode for done in answers] == [0, 1]
        assert "nobody@test does not consume" in answers[1].stderr
        assert WorkerHeartbeat.objects.get(name=node("first")).pid == floor.running.pid("first")

    def test_gives_its_work_to_another_within_ten_seconds(self, floor: Floor) -> None:
        """No message survives, none was ever sent by hand: the row alone brings it back."""
        runs, item = Run.objects.count(), floor.queue()
        floor.running.kill(floor.holder(item))
        seconds = until(lambda: floor.started(item, 2), RESTART_SECONDS, "another worker does it")
        print(f"restarted {seconds:.1f} s after kill -9 of the worker")
        floor.node.release()
        until(lambda: floor.done(item), 20, "it is done")
        assert Run.objects.count() == runs + 1

    @pytest.mark.soak
    def test_gives_its_work_to_itself_after_its_child_was_killed(self, floor: Floor) -> None:
        floor.node.stall()
        item = floor.queue()
        for child in children(floor.running.pid(floor.holder(item))):
            os.kill(child, 9)
        seconds = until(lambda: floor.started(item, 2), RESTART_SECONDS, "another process of it does it")
        print(f"restarted {seconds:.1f} s after kill -9 of its child")
        floor.node.release()
        until(lambda: floor.done(item), 20, "it is done")

    def test_keeps_its_lease_however_long_it_takes(self, floor: Floor) -> None:
        floor.node.stall()
        item = floor.queue()
        floor.holder(item)
        time.sleep(leases.LEASE_SECONDS * 1.5)
        assert floor.started(item, 1), (item.state, item.attempts, item.last_error)
        floor.node.release()
        until(lambda: floor.done(item), 20, "it is done")


@pytest.mark.soak
class TestManyRounds:
    def test_of_kills_and_lost_messages_end_with_all_work_done_once(self, floor: Floor) -> None:
        slowest = 0.0
        for number in range(10):
            floor.node.stall()
            item = floor.queue()
            victim = floor.holder(item)
            if number % 2 and "TEST_BROKER_URL" not in os.environ:
                floor.servers.kill(floor.servers.valkey)
                floor.servers.start(floor.servers.valkey)
            floor.running.kill(victim)
            slowest = max(slowest, until(lambda item=item: floor.started(item, 2), 20, "another worker does it"))
            floor.node.release()
            until(lambda item=item: floor.done(item), 30, "it is done")
            floor.running.worker(victim)
            until(lambda victim=victim: floor.consuming(victim), 60, "the worker is back")
        print(f"slowest restart {slowest:.1f} s")
        assert slowest < RESTART_SECONDS


def children(pid: int) -> list[int]:
    """Its child processes."""
    return [child.pid for child in psutil.Process(pid).children()]


@pytest.mark.soak
class TestAWorkerThatStopsConsuming:
    def test_is_noticed_and_ends_so_that_its_supervisor_starts_it_again(self, floor: Floor) -> None:
        for queue in ("default", f"heart.{node('first')}"):
            told = ("control", "-d", node("first"), "cancel_consumer", queue)
            floor.running.start("told", "-m", "celery", "-A", "config", *told)
            until(lambda: floor.running.ended("told"), 60, "the worker was told")
        until(lambda: not floor.consuming("first"), 60, "its heartbeat is stale")
        until(lambda: floor.running.ended("first"), 30, "it has ended itself")
        item = floor.queue()
        floor.node.release()
        until(lambda: floor.done(item), 20, "the other worker goes on")

    def test_is_none_after_its_broker_dropped_every_connection_or_was_restarted(self, floor: Floor) -> None:
        """Whether it consumes again by itself or ends itself and is started again: work goes on."""
        if "TEST_BROKER_URL" in os.environ:
            pytest.skip("the resets of Redis and Valkey")
        floor.node.release()
        floor.running.worker("first")
        for reset in ("drop", "restart", "drop", "restart"):
            for name in WORKERS:
                until(lambda name=name: floor.consuming(name), 60, "it consumes")
            if reset == "drop":
                broker = redis.Redis.from_url(floor.servers.valkey.urls()["REDIS_URL"])
                broker.client_kill_filter(_type="normal", skipme=True)
            else:
                floor.servers.kill(floor.servers.valkey)
                floor.servers.start(floor.servers.valkey)
            began = clock.now()
            for name in WORKERS:
                until(lambda name=name, began=began: beaten_since(name, began), 90, "it consumes again")
            item = floor.queue()
            until(lambda item=item: floor.done(item), 40, "work goes on")


def beaten_since(name: str, instant: datetime) -> bool:
    """Whether the worker's heart has beaten since."""
    return WorkerHeartbeat.objects.filter(name=node(name), beat_at__gt=instant).exists()
