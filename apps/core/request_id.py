"""The correlation id of the work in hand: carried from request to logs, tasks and audit."""

import re
from contextvars import ContextVar

from apps.core.ids import new_id

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
