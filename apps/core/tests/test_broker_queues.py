"""Messages that wait are counted in the broker itself, within its bounds."""

import time
from pathlib import Path

import pytest
from celery import Celery
from pytest_django import fixtures
from redis.exceptions import RedisError

from apps.core.broker_queues import read_metrics
from apps.core.tests.private_valkey import PrivateValkey


def waiting() -> dict[tuple[str, ...], float]:
    return {sample.labels: sample.value for sample in read_metrics()}


class TestMessagesThatWait:
    def test_are_counted_by_queue_as_celery_sends_them(self, tmp_path: Path, settings: fixtures.Settings) -> None:
        with PrivateValkey(tmp_path) as server:
            settings.BROKER_URL = server.url
            assert waiting() == {("default",): 0}
            app = Celery(broker=server.url, set_as_current=False)
            for _ in range(3):
                app.send_task("nobody.takes_it", queue="default")
            assert waiting() == {("default",): 3}

    def test_keep_nobody_waiting(self, tmp_path: Path, settings: fixtures.Settings) -> None:
        with PrivateValkey(tmp_path) as server:
            settings.BROKER_URL = server.url
            assert waiting() == {("default",): 0}
            server.freeze()
            began = time.monotonic()
            with pytest.raises(RedisError):
                waiting()
            assert time.monotonic() - began < 1
            server.thaw()

    def test_are_left_out_of_another_broker(self, settings: fixtures.Settings) -> None:
        settings.BROKER_URL = "amqp://127.0.0.1:1//"
        assert waiting() == {}
