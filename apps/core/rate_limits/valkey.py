"""Counters in Valkey: `limits`' atomic scripts on the server's own clock, decision and figures in one round trip."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from limits import RateLimitItem
from limits.storage import RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from apps.core.rate_limits.taken import Taken, Window, taken

PREFIX = "bookentry:rate"


class ValkeyCounters(RedisStorage):
    """Sliding window counters. Raises redis.RedisError where the server does not answer in time."""

    storage: Redis

    def __init__(self, url: str, timeout: float) -> None:
        # redis-py would try again three times, each with a pause of its own.
        once: Any = Retry(NoBackoff(), 0)
        super().__init__(url, key_prefix=PREFIX, retry=once, socket_timeout=timeout, socket_connect_timeout=timeout)

    def take(self, rate: RateLimitItem, key: str) -> Taken:
        """Count one request of `key` if its rate allows it."""
        named = self.prefixed_key(rate.key_for(key))
        try:
            answers = self._ask(rate, named)
        except NoScriptError:  # a server just started
            # What counts comes last: once it is there so is the other, and nobody who has counted asks again.
            for script in (self.SCRIPT_SLIDING_WINDOW, self.SCRIPT_ACQUIRE_SLIDING_WINDOW):
                self.storage.script_load(script)
            answers = self._ask(rate, named)
        allowed, (previous, _, current, lives_on) = answers
        # The counter of this window is kept for one window more.
        left = max(0.0, int(lives_on) / 1000 - rate.get_expiry())
        return taken(rate, Window(int(previous or 0), int(current or 0), left), allowed=bool(allowed))

    def _ask(self, rate: RateLimitItem, named: str) -> list[Any]:
        keys = (self._previous_window_key(named), self._current_window_key(named))
        pipe = self.storage.pipeline(transaction=False)
        pipe.evalsha(self.lua_acquire_sliding_window.sha, 2, *keys, rate.amount, rate.get_expiry(), 1)
        pipe.evalsha(self.lua_sliding_window.sha, 2, *keys, rate.get_expiry())
        return list(pipe.execute())


@lru_cache(maxsize=8)
def valkey_counters(url: str) -> ValkeyCounters:
    """The counters at `url`, with this process's pool of connections."""
    return ValkeyCounters(url, settings.REDIS_TIMEOUT_SECONDS)
