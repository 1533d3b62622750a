"""The same counters in the database, on its clock, for as long as Valkey does not answer.

One statement a request, outside any transaction: a request that is rolled back later has counted all the same.
"""

from itertools import count

from django.db import Error
from limits import RateLimitItem
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport

from apps.core.db import fetch_one, run_sql
from apps.core.rate_limits import sql
from apps.core.rate_limits.taken import Taken, Window, taken

# Each 100 requests make at most 100 rows, and remove up to ten times as many that nobody reads any more.
PURGE_EVERY, PURGE_LIMIT = 100, 1000
_purges = count(1)


class PostgresCounters(Storage, SlidingWindowCounterSupport):
    """A storage of `limits` over one table. Raises django.db.Error where the database does not answer."""

    STORAGE_SCHEME = None

    @property
    def base_exceptions(self) -> type[Exception]:
        return Error

    def take(self, rate: RateLimitItem, key: str) -> Taken:
        """Count one request of `key` if its rate allows it."""
        named, seconds = rate.key_for(key), rate.get_expiry()
        allowed = self.acquire_sliding_window_entry(named, rate.amount, seconds)
        if next(_purges) % PURGE_EVERY == 0:
            run_sql(sql.PURGE, {"limit": PURGE_LIMIT})
        return taken(rate, self._window(named, seconds), allowed=allowed)

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if amount > limit:
            return False
        return fetch_one(sql.TAKE, {"key": key, "limit": limit, "seconds": expiry, "amount": amount}) is not None

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        window = self._window(key, expiry)
        return window.previous, window.seconds_left, window.current, window.seconds_left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        self.clear(key)

    def _window(self, key: str, seconds: int) -> Window:
        previous, current, left = fetch_one(sql.READ, {"key": key, "seconds": seconds}) or (0, 0, seconds)
        return Window(int(previous), int(current), float(left))

    # Fixed windows: unused by us, part of what a storage of `limits` is.

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        row = fetch_one(sql.INCREASE, {"key": key, "seconds": expiry, "amount": amount})
        return int(row[0]) if row else 0

    def get(self, key: str) -> int:
        row = fetch_one("SELECT current FROM core_ratecounter WHERE key = %s AND expires_at > clock_timestamp()", [key])
        return int(row[0]) if row else 0

    def get_expiry(self, key: str) -> float:
        statement = "SELECT extract(epoch FROM coalesce(max(expires_at), clock_timestamp())) FROM core_ratecounter"
        row = fetch_one(f"{statement} WHERE key = %s", [key])
        return float(row[0]) if row else 0.0

    def check(self) -> bool:
        fetch_one("SELECT count(*) FROM core_ratecounter WHERE key = ''")
        return True

    def reset(self) -> int:
        return run_sql("DELETE FROM core_ratecounter")

    def clear(self, key: str) -> None:
        run_sql("DELETE FROM core_ratecounter WHERE key = %s", [key])
