"""Columns and conditions the chain tables share."""

from typing import Any

from django.db import models
from django.db.models import Q

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
