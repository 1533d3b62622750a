"""A model's columns in SQL that is written out, and its instances back from the rows."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


class Columns(Generic[M]):
    """All columns of a model, under an alias: `f"SELECT {ORDER} FROM dex_order o"`.

    For what is asked on every request: to build such a query anew costs more than the database's answer.
    """

    def __init__(self, model: type[M], alias: str) -> None:
        self._model, self._alias = model, alias

    def __str__(self) -> str:
        return ", ".join(f"{self._alias}.{connection.ops.quote_name(str(field.column))}" for field in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def read(self, row: Sequence[Any], start: int = 0) -> M:
        """The instance whose columns begin at `start` of the row."""
        values = list(row[start : start + len(self._fields)])
        for at, convert, expression in self._conversions:
            values[at] = convert(values[at], expression, connection)
        return self._model.from_db(connection.alias, self._names, values)

    @cached_property
    def _fields(self) -> list["models.Field[Any, Any]"]:
        return list(self._model._meta.concrete_fields)

    @cached_property
    def _names(self) -> list[str]:
        return [field.attname for field in self._fields]

    @cached_property
    def _conversions(self) -> list[tuple[int, Callable[[Any, Any, Any], Any], Any]]:
        """What Django does to a column's values on their way, by the column's place."""
        found = []
        for at, field in enumerate(self._fields):
            expression = field.cached_col
            backend = connection.ops.get_db_converters(expression)
            found += [(at, each, expression) for each in (*backend, *expression.get_db_converters(connection))]
        return found
