"""The keyring's errands: on threads of their own, so with a connection and a transaction of their own.

A key that was made stays made when the caller's transaction rolls back: nobody holds a key that no row knows.
"""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

from apps.vault.errors import KeyUnavailable

R = TypeVar("R")
THREADS = 4
# An errand is bounded by the key service's total time and the database's; this is for when both are at their worst.
WAIT_SECONDS = 20.0


class Errands:
    """Runs one errand of a name at a time: whoever asks for it meanwhile waits for the same."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="vault")
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def start(self, name: Hashable, errand: Callable[[], R]) -> "Future[R]":
        """Begin it, or join the one under way. An errand must not wait for another."""
        with self._lock:
            if name not in self._under_way:
                self._under_way[name] = self._pool.submit(self._run, name, errand)
            return self._under_way[name]

    def _run(self, name: Hashable, errand: Callable[[], R]) -> R:
        try:
            return errand()
        finally:
            connection.close()
            with self._lock:
                self._under_way.pop(name, None)


def own_right(errands: Errands, errand: Callable[[], R]) -> R:
    """Run it outside of the caller's transaction: here, if there is none, else as an errand that is waited for.

    Raises KeyUnavailable when that takes too long.
    """
    if not connection.in_atomic_block:
        return errand()
    try:
        return errands.start(object(), errand).result(WAIT_SECONDS)
    except TimeoutError:
        raise KeyUnavailable from None
