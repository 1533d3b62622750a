"""Counts of calls, kept in the circuit's row: engines and workers call most, and nobody scrapes them."""

import logging
import threading
import time
from collections import Counter

from django.db import Error

from apps.core.db import run_sql

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
_ADD = """UPDATE core_providercircuit SET calls = calls + %(calls)s, failed = failed + %(failed)s,
    rejected = rejected + %(rejected)s, retried = retried + %(retried)s WHERE name = %(name)s"""
NAMES = ("calls", "failed", "rejected", "retried")


class Tally:
    """Gathers this process's counts and writes them once a second at most; kill -9 loses the last second's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: Counter[str] = Counter()
        self._flushed = 0.0
        self._lock = threading.Lock()

    def add(self, **counts: int) -> None:
        """Count, and write if it is time."""
        with self._lock:
            self._counts.update(counts)
            due = time.monotonic() - self._flushed >= EVERY_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; while the database does not answer it is kept."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._flushed = time.monotonic()
        if not counts:
            return
        try:
            run_sql(_ADD, {name: counts[name] for name in NAMES} | {"name": self._name})
        except Error:
            log.debug("counts wait for the database", extra={"provider": self._name})
            with self._lock:
                self._counts.update(counts)
