"""An answer shared by all who ask within a moment: probes and scrapes cannot be used to load the database."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """What `read` returned, for `seconds`; whoever asks while it is being read waits for that one answer."""

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None

    def get(self) -> T:
        """The answer, at most `seconds` old. Raises what `read` raises, and keeps nothing then."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > self._seconds:
                answer = self._read()
                self._kept = (time.monotonic(), answer)
            return self._kept[1]

    def forget(self) -> None:
        """Read again next time."""
        with self._lock:
            self._kept = None
