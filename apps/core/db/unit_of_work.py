"""The strict vocabulary of transactions.

`unit_of_work()` is the outermost door: a durable transaction, committed when the block ends. Opened inside
another unit of work it joins it, so that an enclosing door (a request with an Idempotency-Key, a projection)
commits both together. Inside a bare `atomic` block it refuses: nothing may hide under a transaction that it
does not know. Services that are only ever part of a larger one are marked `@within_unit_of_work`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, connection, transaction

from apps.core.db import attempts
from apps.core.db.constraints import translated

P = ParamSpec("P")
R = TypeVar("R")

_after_rollback: ContextVar[list[Callable[[], object]] | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def unit_of_work() -> Iterator[None]:
    """One durable transaction, or a part of the one already open.

    A violated constraint that an app has claimed (`constraint_error`) is raised as its business error.
    Raises RuntimeError inside a transaction that is not a unit of work, and where a joined part failed and its
    error was caught within.
    """
    if _after_rollback.get() is not None:
        with transaction.atomic(savepoint=False):
            yield
        return
    to_record: list[Callable[[], object]] = []
    try:
        with _listed(to_record), transaction.atomic(durable=True):
            # The first hook of all: one that fails after it fails behind a commit.
            transaction.on_commit(_tell_committed)
            yield
            _require_whole()
            _tell_commit_sent()
    except BaseException as error:
        if (attempt := attempts.current()) and attempt.is_undone_by(error):
            attempt.to_record += to_record
        else:
            record_all(to_record)
        if isinstance(error, IntegrityError) and (refusal := translated(error)):
            raise refusal from error
        raise


def _require_whole() -> None:
    """Django would roll back here without a word, and the caller would believe that all is written."""
    if connection.needs_rollback:
        raise RuntimeError("a part of this unit of work failed, and its refusal was swallowed")


@contextmanager
def _listed(to_record: list[Callable[[], object]]) -> Iterator[None]:
    """Have after_rollback() add to this list until the block ends."""
    token = _after_rollback.set(to_record)
    try:
        yield
    finally:
        _after_rollback.reset(token)


def _tell_commit_sent() -> None:
    if attempt := attempts.current():
        attempt.sends_commit()


def _tell_committed() -> None:
    if attempt := attempts.current():
        attempt.has_committed()


def record_all(callbacks: list[Callable[[], object]]) -> None:
    """Write down, in a transaction of its own, what must survive the rollback."""
    if callbacks:
        with unit_of_work():
            for callback in callbacks:
                callback()


def in_unit_of_work() -> bool:
    """Whether a transaction of ours is open; one that a test rolls back around itself is not."""
    # Django keeps the open blocks, and which of them are a test's, without a public door to either.
    blocks = getattr(connection, "atomic_blocks", [])
    return _after_rollback.get() is not None or any(not getattr(block, "_from_testcase", False) for block in blocks)


def after_rollback(callback: Callable[[], object]) -> None:
    """Have `callback` run in a unit of work of its own if the present one rolls back (refusals, failed logins)."""
    callbacks = _after_rollback.get()
    if callbacks is None:
        raise RuntimeError("after_rollback() needs a unit of work")
    callbacks.append(callback)


def within_unit_of_work(service: Callable[P, R]) -> Callable[P, R]:
    """Mark a service that is a part of its caller's unit of work; it refuses to run outside one."""

    @wraps(service)
    def joined(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            raise RuntimeError(f"{service.__qualname__}() must run within a unit of work")
        return service(*args, **kwargs)

    return joined
