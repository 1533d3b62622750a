"""How many messages wait in the tasks' broker, where it is Redis or Valkey."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.metrics import Sample, gauge

WAITING = gauge(
    "bookentry_tasks_waiting", "Messages that no worker has taken; absent where the broker is not Redis.", "queue"
)
METRICS = (WAITING,)


def read_metrics() -> Iterator[Sample]:
    """By queue; nothing of RabbitMQ, which measures its queues itself. Raises redis.RedisError within the bounds."""
    url = str(settings.BROKER_URL)
    if not url.startswith("redis"):
        return
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    pipe = _client(url).pipeline(transaction=False)
    for name in names:
        pipe.llen(name)  # no priorities are used, so each queue is the one list of its name
    for name, length in zip(names, pipe.execute(), strict=True):
        yield WAITING.sample(length, queue=name)


@lru_cache(maxsize=8)
def _client(url: str) -> Redis:
    once: Any = Retry(NoBackoff(), 0)
    seconds = settings.REDIS_TIMEOUT_SECONDS
    return Redis.from_url(url, retry=once, socket_timeout=seconds, socket_connect_timeout=seconds)
