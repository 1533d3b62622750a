"""Several reads as of one instant."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from apps.core.db.sql import run_sql
from apps.core.db.unit_of_work import unit_of_work


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read in the block is as of one instant (REPEATABLE READ), and nothing can be written.

    Raises RuntimeError within a transaction: what it has read before would be older.
    """
    if connection.in_atomic_block:
        raise RuntimeError("snapshot() must be the outermost transaction")
    with unit_of_work():
        run_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
