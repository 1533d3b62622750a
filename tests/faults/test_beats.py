"""Two beats at once, as when a deployment overlaps: each instant of a job is sent once."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
from celery.schedules import crontab, schedule
from django.db import connections

from apps.core.beat import instant
from apps.core.models import ScheduledJob
from apps.core.services.scheduling import claim
from apps.core.testing import databases
from tests.faults.parts import Servers, parts, private_servers, until

NOON = datetime(2027, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.usefixtures("books")
class TestAClaim:
    def test_is_one_callers_of_sixteen(self) -> None:
        barrier, won = threading.Barrier(16), []

        def race() -> None:
            barrier.wait()
            won.append(claim(job="raced", scheduled_for=NOON))
            connections.close_all()

        racers = [threading.Thread(target=race) for _ in range(16)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(won) == [False] * 15 + [True]

    def test_never_goes_back(self) -> None:
        assert claim(job="forward", scheduled_for=NOON)
        assert not claim(job="forward", scheduled_for=NOON - timedelta(seconds=1))
        assert claim(job="forward", scheduled_for=NOON + timedelta(seconds=1))
        assert ScheduledJob.objects.get(name="forward").last_for == NOON + timedelta(seconds=1)


class TestAnInstant:
    def test_is_the_minute_of_a_crontab_and_the_whole_interval_of_an_interval(self) -> None:
        assert instant(crontab(minute="*/10"), NOON) == NOON.replace(second=0)
        assert instant(schedule(timedelta(seconds=20)), NOON) == NOON.replace(second=20)


@pytest.fixture
def servers() -> Iterator[Servers]:
    with private_servers() as found:
        yield found


class TestTwoBeats:
    def test_send_each_second_once(self, books: str, servers: Servers) -> None:
        urls = servers.start(servers.valkey)
        broker = redis.Redis.from_url(urls["REDIS_URL"])
        with parts(databases.urls_of(books) | {"DJANGO_DEBUG": "true", **urls}) as running:
            for name in ("one", "two"):
                running.start(name, "-m", "celery", "-A", "tests.faults.ticking", "beat", "-s", running.file(name))
            until(lambda: broker.llen("ticks") > 1, 60, "a job is sent")
            time.sleep(3)  # both have started by now, or the second does in here
            before, began = broker.llen("ticks"), ScheduledJob.objects.get(name="tick").last_for
            time.sleep(6)
            sent, ended = broker.llen("ticks") - before, ScheduledJob.objects.get(name="tick").last_for
            assert abs(sent - (ended - began).total_seconds()) <= 1
            assert sent >= 3
