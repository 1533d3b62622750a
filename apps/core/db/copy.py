"""COPY has one door: one escaping function, and the driver's errors come out as Django's."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from io import StringIO
from typing import Any

from django.db import connection
from django.db.models import Model

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"})


def copy_rows(model: type[Model] | str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Append rows to a model's table (or a named temporary table) by COPY; the number of rows.

    `columns` are database column names. Must run within a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("copy_rows() must run within a unit of work")
    table = model if isinstance(model, str) else model._meta.db_table
    buffer = StringIO()
    for row in rows:
        buffer.write("\t".join(map(encode, row)))
        buffer.write("\n")
    buffer.seek(0)
    names = ", ".join(map(connection.ops.quote_name, columns))
    statement = f"COPY {connection.ops.quote_name(table)} ({names}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.cursor.copy_expert(statement, buffer)
        return int(cursor.cursor.rowcount)


def encode(value: Any) -> str:  # noqa: PLR0911 (one line a type)
    """One value in COPY's text format. Refuses floats: no amount is ever one."""
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, Enum):
        return encode(value.value)
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return "\\\\x" + bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPES)
    if isinstance(value, float):
        raise TypeError("a float cannot be copied: amounts are integers or Decimal")
    return str(value)
