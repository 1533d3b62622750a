"""Pages by keyset: exact while rows are added, served by an index, and never a count."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError as BadValue
from django.db.models import F, Field, Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from rest_framework import serializers

SALT = "apps.core.http.pagination"
# A position is at most three columns, none longer than 64 characters.
MAX_CURSOR = 500
# Rows of a whole list that are in memory at a time.
PIECE = 500


@dataclass(frozen=True, slots=True)
class Order:
    """By which columns, the last of them unique and none of them null; all ascending, or all descending."""

    columns: tuple[str, ...]
    descending: bool

    def sorted(self, rows: QuerySet[Any], *, backward: bool = False) -> QuerySet[Any]:
        """The rows in this order, or in its reverse."""
        sign = "-" if self.descending != backward else ""
        return rows.order_by(*(f"{sign}{column}" for column in self.columns))

    def beyond(self, rows: QuerySet[Any], position: Sequence[Any], *, backward: bool = False) -> QuerySet[Any]:
        """The rows after the position, or before it. One comparison of rows, which an index on the columns serves."""
        further = TupleLessThan if self.descending != backward else TupleGreaterThan
        return rows.filter(further(Tuple(*map(F, self.columns)), tuple(position)))

    def pieces(self, rows: QuerySet[Any]) -> Iterator[list[Any]]:
        """All rows, so many at a time, each lot by a short query of its own."""
        ordered = self.sorted(rows)
        piece = list(ordered[:PIECE])
        while piece:
            yield piece
            last = [field.value_from_object(piece[-1]) for field in self.fields(rows.model)]
            piece = list(self.beyond(ordered, last)[:PIECE])

    def fields(self, model: type[Model]) -> list["Field[Any, Any]"]:
        """The columns as the model has them."""
        return [model._meta.get_field(column) for column in self.columns]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the cursors of the pages beside them; None where there is none."""

    rows: list[Any]
    next: str | None
    prev: str | None


class Pages:
    """The pages of one list: of these rows, in this order.

    `binding` is all that makes it this list and no other: who asks, where, and with which filters. A cursor is
    signed with it, so that one of another list is as good as a forged one.
    """

    def __init__(self, rows: QuerySet[Any], order: Order, binding: Any) -> None:
        self.rows, self.order = rows, order
        told = json.dumps([order.columns, order.descending, binding], default=str, sort_keys=True)
        self.signer = signing.Signer(salt=f"{SALT}:{hashlib.sha256(told.encode()).hexdigest()}")

    def page(self, *, limit: int, cursor: str | None = None) -> Page:
        """The first page, or the one a cursor names. Raises ValidationError for a cursor that is not of this list."""
        backward, position = self._read(cursor) if cursor else (False, None)
        rows = self.order.sorted(self.rows, backward=backward)
        if position is not None:
            rows = self.order.beyond(rows, position, backward=backward)
        found = list(rows[: limit + 1])
        more, found = len(found) > limit, found[:limit]
        # Whence the cursor came there were rows; whether there are still, only they know.
        behind = bool(found) and position is not None and self._any(found[0], backward=not backward)
        if backward:
            found.reverse()
        after, before = (behind, more) if backward else (more, behind)
        return Page(
            rows=found,
            next=self._write(found[-1], backward=False) if after else None,
            prev=self._write(found[0], backward=True) if before else None,
        )

    def _any(self, row: Model, *, backward: bool) -> bool:
        position = [field.value_from_object(row) for field in self.order.fields(self.rows.model)]
        return self.order.beyond(self.rows.order_by(), position, backward=backward).exists()

    def _write(self, row: Model, *, backward: bool) -> str:
        position = [field.value_to_string(row) for field in self.order.fields(self.rows.model)]
        return self.signer.sign_object([backward, position])

    def _read(self, cursor: str) -> tuple[bool, list[Any]]:
        try:
            backward, texts = self.signer.unsign_object(cursor)
            fields = self.order.fields(self.rows.model)
            return backward, [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
        except (signing.BadSignature, ValueError, BadValue) as error:
            message = "This is no cursor of this list: send the filters and the ordering it came with."
            raise serializers.ValidationError(
                {"cursor": serializers.ErrorDetail(message, code="invalid_cursor")}
            ) from error
