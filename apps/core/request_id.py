"""The correlation id of the work in hand: carried from request to logs, tasks, events and audit."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from apps.core.ids import new_id

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id in force, or an empty string outside any work."""
    return _current.get()


def begin(offered: object = None) -> str:
    """Put an id in force: the offered one if it is well formed, else a new one."""
    value = offered if isinstance(offered, str) and _ACCEPTED.fullmatch(offered) else str(new_id())
    _current.set(value)
    return value


def end(**_: object) -> None:
    """The work is done: no id is in force."""
    _current.set("")


@contextmanager
def working(offered: object = None) -> Iterator[str]:
    """An id in force for as long as this lasts, then the one before again."""
    before = _current.get()
    try:
        yield begin(offered)
    finally:
        _current.set(before)
