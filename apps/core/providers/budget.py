"""Retries as a share of calls: when everything fails, they must not become the load that keeps it failing."""

import threading


class RetryBudget:
    """A process's: at most `burst` retries, and `percent` of a retry more for each call made."""

    def __init__(self, *, percent: int, burst: int) -> None:
        self._share, self._most = percent / 100, burst + 1
        self._tokens = float(burst)
        self._lock = threading.Lock()

    def deposit(self) -> None:
        """A call is made."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + self._share)

    def withdraw(self) -> bool:
        """Whether one more retry is affordable; it is spent then."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
