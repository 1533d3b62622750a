"""Columns for whole base units."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Combinable


class BaseUnitsField(models.DecimalField):
    """numeric(38,0), an int in Python. PostgreSQL lets NaN into a numeric column, so the column itself refuses it."""

    digits = 38
    # What the type checker takes values of such a column for.
    _pyi_private_set_type: int | Combinable
    _pyi_private_get_type: int  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"], kwargs["decimal_places"] = self.digits, 0
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        column = connection.ops.quote_name(str(self.column))
        return f"{column} > -1e{self.digits} AND {column} < 1e{self.digits}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> int | None:
        decimal = super().to_python(value)
        return None if decimal is None else int(decimal)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, float):
            raise TypeError("base units are whole numbers, never floats")
        return super().get_db_prep_value(value, connection, prepared)


class TokenUnitsField(BaseUnitsField):
    """numeric(78,0): whatever a uint256 holds. Chain tables use it; the books are narrower."""

    digits = 78
