"""Several reads as of one instant."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection

from apps.core.db.sql import fetch_one, run_sql
from apps.core.db.unit_of_work import unit_of_work

AS_OF_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
EXPORT = "SELECT pg_export_snapshot(), current_setting('statement_timeout'), current_setting('work_mem')"

Found = TypeVar("Found")


@contextmanager
def snapshot(*, statement_seconds: int | None = None, work_megabytes: int | None = None) -> Iterator[None]:
    """All that is read in the block is as of one instant (REPEATABLE READ), and nothing can be written.

    `statement_seconds` lets each statement take longer than the connection's own bound, `work_megabytes` lets each sort
    or hash table take more memory before it goes to disk.

    Raises RuntimeError within a transaction: what it has read before would be older.
    """
    if connection.in_atomic_block:
        raise RuntimeError("snapshot() must be the outermost transaction")
    with unit_of_work():
        bound = f"; SET LOCAL statement_timeout = '{statement_seconds:d}s'" if statement_seconds else ""
        memory = f"; SET LOCAL work_mem = '{work_megabytes:d}MB'" if work_megabytes else ""
        run_sql(f"{AS_OF_ONE_INSTANT}{bound}{memory}")
        yield


@contextmanager
def meanwhile(work: Callable[[], Found]) -> Iterator[Future[Found]]:
    """Within a snapshot(): `work` reads as of the same instant beside the block, in a thread and connection of its own.

    It has the snapshot's bounds. The block's end waits for it. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("meanwhile() must be within a snapshot()")
    if (shared := fetch_one(EXPORT)) is None:
        raise RuntimeError("a SELECT without a table has a row")
    with ThreadPoolExecutor(1, thread_name_prefix="snapshot") as pool:
        yield pool.submit(_as_of, shared, work)


def _as_of(shared: tuple[Any, ...], work: Callable[[], Found]) -> Found:
    name, bound, memory = shared
    try:
        with unit_of_work():
            bounds = f"SET LOCAL statement_timeout = '{bound}'; SET LOCAL work_mem = '{memory}'"
            run_sql(f"{AS_OF_ONE_INSTANT}; SET TRANSACTION SNAPSHOT '{name}'; {bounds}")
            return work()
    finally:
        connection.close()
