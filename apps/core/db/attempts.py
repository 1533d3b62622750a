"""What one run of a door has done so far: whether all of it is undone, so that it may be run again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from apps.core.db.failures import is_conflict, is_lost

_current: ContextVar["Attempt | None"] = ContextVar("attempt", default=None)


@dataclass(slots=True)
class Attempt:
    """One run. `end` is an instant of time.monotonic: none begins later."""

    last: bool
    end: float
    commit_sent: bool = False
    committed: bool = False
    # Of units of work that were rolled back: to be recorded unless this attempt is run again.
    to_record: list[Callable[[], object]] = field(default_factory=list)

    def is_undone_by(self, error: BaseException) -> bool:
        """Whether nothing of it stands after this error, and it may be run again.

        A connection that is lost after COMMIT was sent leaves open whether it was done: only the client can ask.
        """
        if self.last or self.committed or time.monotonic() >= self.end:
            return False
        return is_conflict(error) or (is_lost(error) and not self.commit_sent)

    def sends_commit(self) -> None:
        """A unit of work ends well: from here the database may keep it."""
        self.commit_sent = True

    def has_committed(self) -> None:
        """A unit of work is kept."""
        self.committed = True


@contextmanager
def begun(attempt: Attempt) -> Iterator[None]:
    """Have units of work report to this attempt until the block ends."""
    token = _current.set(attempt)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Attempt | None:
    """The attempt under way, where the door runs again."""
    return _current.get()
