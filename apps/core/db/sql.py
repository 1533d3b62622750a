"""Set-based SQL, for where the ORM would say it row by row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django.db import connection

Params = Sequence[Any] | Mapping[str, Any] | None


def run_sql(statement: str, params: Params = None) -> int:
    """Run one statement; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cast("int", cursor.rowcount)


def fetch_all(statement: str, params: Params = None) -> list[tuple[Any, ...]]:
    """All rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def fetch_one(statement: str, params: Params = None) -> tuple[Any, ...] | None:
    """The first row of one statement, or None."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cast("tuple[Any, ...] | None", cursor.fetchone())


def as_columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Turn rows into `width` lists, one a column (empty lists when there are no rows)."""
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
