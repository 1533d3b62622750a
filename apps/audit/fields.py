"""Columns of the audit log."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import IsNull

from apps.audit.canonical import canonical_text


class Xid8Field(models.Field):
    """PostgreSQL's 64-bit transaction id: never reused, and known before the commit."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(value)


class CurrentTransactionId(models.Func):
    """The id of the transaction that writes the row."""

    function = "pg_current_xact_id"
    output_field = Xid8Field()


class ClockTimestamp(models.Func):
    """The present instant, which now() is not: that is when the transaction began."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class CanonicalJSONField(models.Field):
    """A JSON object as its one text (apps.audit.canonical), kept byte for byte: the log's hashes are of it.

    PostgreSQL's json, not jsonb, which would write it anew. Not searched: hashes are of texts, not of their parts.
    """

    description = "Canonical JSON object"
    empty_strings_allowed = False

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        """An object on one line: lines are what the log's bundles are made of."""
        name = connection.ops.quote_name(str(self.column))
        return f"json_typeof({name}) = 'object' AND {name}::text !~ '[\\n\\r]'"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> dict[str, Any] | None:
        return json.loads(value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """The canonical text. Raises TypeError, ValueError: see canonical_text()."""
        return canonical_text(value) if isinstance(value, Mapping) else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return IsNull
        raise FieldError(f"{self} is not searched")

    def get_transform(self, lookup_name: str) -> Any:
        return None

    def value_to_string(self, obj: Any) -> str:
        return json.dumps(self.value_from_object(obj))

    def formfield(self, *args: Any, **kwargs: Any) -> None:
        """None: nobody edits the log."""
