"""Whose protected data was opened for the request in hand: noted where it is opened, read by whoever records it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_noted: ContextVar[set[UUID] | None] = ContextVar("disclosed_subjects", default=None)


@contextmanager
def noting() -> Iterator[set[UUID]]:
    """Note subjects for as long as this lasts: the set that fills meanwhile."""
    noted: set[UUID] = set()
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def is_noting() -> bool:
    """Whether anybody wants to know: engines and tasks show nothing to anyone."""
    return _noted.get() is not None


def note(*subjects: UUID) -> None:
    """Say whose data was opened, or is about to be shown."""
    if (noted := _noted.get()) is not None:
        noted.update(subjects)
