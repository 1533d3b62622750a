"""One request counted: in Valkey, and while that does not answer, in the database."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from django.conf import settings
from django.db import Error as DatabaseError
from limits import RateLimitItem
from redis import RedisError

from apps.core.rate_limits.buckets import Bucket, rate_of
from apps.core.rate_limits.postgres import PostgresCounters
from apps.core.rate_limits.taken import Taken
from apps.core.rate_limits.valkey import valkey_counters

log = logging.getLogger(__name__)

# A store that failed is not asked again for so long, so that a dead one does not cost each request its timeout.
PAUSE_SECONDS = 1.0


class CountersDown(Exception):
    """Neither store answers: nobody knows how often anyone asked."""


class Counters(Protocol):
    """A store of counters."""

    def take(self, rate: RateLimitItem, key: str) -> Taken:
        """Count one request of `key` if its rate allows it."""


class Store:
    """One store, left alone for a while after it failed. One request at a time then finds out whether it is back."""

    def __init__(self, name: str, counters: Callable[[], Counters], failures: tuple[type[Exception], ...]) -> None:
        self._name, self._counters, self._failures = name, counters, failures
        self._asked_again_at = 0.0
        self._choosing = threading.Lock()

    def take(self, rate: RateLimitItem, key: str) -> Taken | None:
        """The store's answer; None while it gives none."""
        if not self._may_ask():
            return None
        try:
            found = self._counters().take(rate, key)
        except self._failures as error:
            self._asked_again_at = time.monotonic() + PAUSE_SECONDS
            log.warning(
                "rate limits cannot be counted here", extra={"store": self._name, "error": type(error).__name__}
            )
            return None
        self._asked_again_at = 0.0
        return found

    def _may_ask(self) -> bool:
        if not self._asked_again_at:
            return True
        with self._choosing:
            now = time.monotonic()
            if now < self._asked_again_at:
                return False
            self._asked_again_at = now + PAUSE_SECONDS
            return True


STORES = (
    Store("valkey", lambda: valkey_counters(settings.REDIS_URL), (RedisError, OSError)),
    Store("database", PostgresCounters, (DatabaseError,)),
)


def take(bucket: Bucket, key: str, tier: str = "") -> Taken:
    """Count one request of `key` in `bucket` if its rate allows it. Raises CountersDown."""
    return count(rate_of(bucket, tier), f"{bucket}/{key}")


def count(rate: RateLimitItem, key: str) -> Taken:
    """Count one more of `key`, whatever it is, if the rate allows it. Raises CountersDown."""
    for store in STORES:
        if found := store.take(rate, key):
            return found
    raise CountersDown
