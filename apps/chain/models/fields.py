"""Columns and conditions the chain tables share."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Q

ADDRESS = r"^0x[0-9a-f]{40}$"
HASH = r"^0x[0-9a-f]{64}$"


def address_field(**options: Any) -> "models.CharField[str, str]":
    """An EVM address in lower case."""
    return models.CharField(max_length=42, **options)


def hash_field(**options: Any) -> "models.CharField[str, str]":
    """A 32-byte hash as 0x and 64 lower-case hex digits."""
    return models.CharField(max_length=66, **options)


def shaped(name: str, column: str, pattern: str) -> models.CheckConstraint:
    """A CHECK that `column` has the shape of `pattern`, or is null."""
    return models.CheckConstraint(name=name, condition=Q(**{f"{column}__regex": pattern}))


class HexField(models.Field):
    """Bytes in the database, 0x and lower-case hex digits everywhere else: half the room of text.

    `length` is the number of bytes, None where it varies.
    """

    description = "Bytes as hex digits"
    empty_strings_allowed = False

    def __init__(self, *args: Any, length: int | None = None, **options: Any) -> None:
        self.length = length
        super().__init__(*args, **options)
        # How it reads: what shows hashes and addresses goes by it.
        self.max_length = None if length is None else 2 + 2 * length

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        options.pop("max_length", None)
        return name, path, args, options | ({} if self.length is None else {"length": self.length})

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bytea"

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        name = connection.ops.quote_name(str(self.column))
        return None if self.length is None else f"octet_length({name}) = {self.length}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else "0x" + bytes(value).hex()

    def to_python(self, value: Any) -> str | None:
        """The text. Raises ValidationError for what is not so many bytes in hex."""
        if value is None:
            return None
        text = str(value).lower()
        if not re.fullmatch("0x([0-9a-f]{2})*", text) or self.max_length not in (None, len(text)):
            raise ValidationError("not bytes in hex digits", code="invalid")
        return text

    def get_prep_value(self, value: Any) -> bytes | None:
        """Raises ValidationError, as to_python()."""
        text = self.to_python(value)
        return None if text is None else bytes.fromhex(text[2:])


class TopicsField(HexField):
    """The topics of a log, 32 bytes each, one after the other; a tuple of 0x texts outside of the database."""

    description = "Topics of a log"

    def db_check(self, connection: BaseDatabaseWrapper) -> str:
        name = connection.ops.quote_name(str(self.column))
        return f"octet_length({name}) % 32 = 0 AND octet_length({name}) <= 128"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else topics_of(bytes(value))

    def to_python(self, value: Any) -> Any:
        return None if value is None else tuple(HexField(length=32).to_python(topic) for topic in value)

    def get_prep_value(self, value: Any) -> bytes | None:
        topics = self.to_python(value)
        return None if topics is None else b"".join(bytes.fromhex(topic[2:]) for topic in topics)


def topics_of(joined: bytes) -> tuple[str, ...]:
    """Topics that stand one after the other."""
    return tuple("0x" + joined[at : at + 32].hex() for at in range(0, len(joined), 32))


def topic(at: int) -> Func:
    """One topic of the four there may be, as the database sees it; empty where the log has fewer."""
    template = f"%(function)s(%(expressions)s, {1 + 32 * at}, 32)"
    return Func(F("topics"), function="substring", template=template, output_field=HexField())
