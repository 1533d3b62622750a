"""The correlation id of the work in hand: carried from request to logs, tasks, events and audit."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from apps.core.ids import new_id

HEADER = "request_id"  # of a Celery message
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id in force, or an empty string outside any work."""
    return _current.get()


def begin(offered: str | None = None) -> str:
    """Put an id in force: the offered one if it is well formed, else a new one."""
    value = offered if offered and _ACCEPTED.fullmatch(offered) else str(new_id())
    _current.set(value)
    return value


@contextmanager
def working(offered: str | None = None) -> Iterator[str]:
    """An id in force for as long as this lasts, then the one before again."""
    before = _current.get()
    try:
        yield begin(offered)
    finally:
        _current.set(before)
