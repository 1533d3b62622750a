"""An encrypted column within a query: the database may hand it out, and say whether there is a value, and no more.

A ciphertext differs each time it is made, so sorted, compared, grouped or computed it would give a wrong answer
that looks like a right one.
"""

from typing import Any, NoReturn

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import IsNull


def refuse_to_compute(field: object) -> NoReturn:
    """Raise the FieldError that says what to do instead."""
    raise FieldError(
        f"{field} is encrypted: the database cannot sort, compare, group or compute it. Take it with values() or as "
        f"an attribute and do that with what is opened, or use another column."
    )


class Unusable:
    """The parameters of an encrypted column's SQL. All that is built around a column puts its parameters into
    its own, and raises by that; what hands the column out, and asks whether it is null, leaves them alone.
    """

    def __init__(self, field: object) -> None:
        self._field = field

    def _refuse(self, *_: object) -> NoReturn:
        refuse_to_compute(self._field)

    __iter__ = __len__ = __add__ = __radd__ = __mul__ = __imul__ = _refuse


class SealedCol(Col):
    """An encrypted column of a query."""

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, _ = super().as_sql(compiler, connection)
        return sql, Unusable(self.target)

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """As it is handed out."""
        return sql, []

    def get_group_by_cols(self) -> list[Any]:
        """Dropped by Django where the rows are grouped by their key anyway."""
        return [GroupedCol(self.alias, self.target, self.output_field)]

    def replace_expressions(self, replacements: Any) -> Any:
        """An aggregate over a subquery would name what the subquery hands out."""
        return refuse_to_compute(self.target) if self in replacements else self


class GroupedCol(Col):
    """An encrypted column that rows are to be grouped by."""

    def as_sql(self, compiler: Any, connection: Any) -> NoReturn:
        refuse_to_compute(self.target)


class SealedIsNull(IsNull):
    """Whether there is a value."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        if not isinstance(self.lhs, SealedCol):
            return super().process_lhs(compiler, connection, lhs)
        sql, _ = compiler.compile(self.lhs)
        return sql, []


def names_of(values: Any) -> set[str]:
    """The columns that names and plain F() in order_by(), with their signs, go by."""
    found = (getattr(value, "expression", value) for value in values)
    return {str(getattr(value, "name", value)).lstrip("+-") for value in found if isinstance(value, str | models.F)}
