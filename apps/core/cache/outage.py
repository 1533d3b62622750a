"""What the threads of a process share about their cache server: whether it answers, and what is kept meanwhile."""

import logging
import threading
import time
from collections.abc import Iterable

from django.core.cache.backends.locmem import LocMemCache

from apps.core.instruments import cache_lost

log = logging.getLogger(__name__)

# A server that did not answer is asked again after this, by one thread; the others lose no time.
PAUSE_SECONDS = 1.0
MOST_ENTRIES = 1_000
MOST_CHANGED = 10_000


class Outage:
    """One for each server and process."""

    def __init__(self, name: str) -> None:
        # Emptied when an outage begins and when it ends: nothing in it outlives the outage it was written in.
        self.memory = LocMemCache(f"outage-{name}", {"OPTIONS": {"MAX_ENTRIES": MOST_ENTRIES}})
        self.lost = False
        self._lock = threading.Lock()
        self._ask_again_at = 0.0
        self._changed: set[str] = set()
        self._too_many = False

    def may_ask(self) -> bool:
        """Whether this call should try the server."""
        if not self.lost:
            return True
        with self._lock:
            if time.monotonic() < self._ask_again_at:
                return False
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            return True

    def lose(self, error: BaseException | None) -> None:
        """The server did not answer."""
        with self._lock:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            if self.lost:
                return
            self.memory.clear()
            self.lost = True
        cache_lost.inc()
        log.warning("cache lost", extra={"error": type(error).__name__})

    def note(self, keys: Iterable[str]) -> None:
        """These were written or deleted while the server did not hear of it: what it holds is not to be served."""
        with self._lock:
            self._changed.update(keys)
            if len(self._changed) > MOST_CHANGED:
                self._changed.clear()
                self._too_many = True

    def changed(self) -> tuple[list[str], bool]:
        """What the server must forget before it is believed again; true instead if that is everything of ours."""
        with self._lock:
            found, everything = sorted(self._changed), self._too_many
            self._changed.clear()
            self._too_many = False
        return found, everything

    def doubt_everything(self) -> None:
        """All that the server holds of ours is to be forgotten."""
        with self._lock:
            self._too_many = True

    def come_back(self) -> None:
        """The server answers and has forgotten."""
        with self._lock:
            self.lost = False
            self.memory.clear()
        log.info("cache is back")


_outages: dict[str, Outage] = {}
_making = threading.Lock()


def outage_of(name: str) -> Outage:
    """The one of this server."""
    with _making:
        return _outages.setdefault(name, Outage(name))
