"""Several reads as of one instant."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from apps.core.db.sql import run_sql
from apps.core.db.unit_of_work import unit_of_work


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
        run_sql(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY{bound}{memory}")
        yield
