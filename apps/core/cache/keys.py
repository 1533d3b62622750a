"""Keys of cached results: a namespace and quoted parts, `terms:s.US0378331005`, so that data is never a pattern."""

import hashlib
import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from urllib.parse import quote
from uuid import UUID

LONGEST = 200
_SEGMENT = r"[A-Za-z0-9_.~%-]+"
_KEY = re.compile(rf"{_SEGMENT}(:{_SEGMENT})*")
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST_PARTS = 8


def cache_key(namespace: str, *parts: object) -> str:
    """The key of these parts. Equal keys mean equal types and values.

    Raises ValueError for a namespace that is no plain word, or more than eight parts; TypeError for a part that cannot
    be told apart by its value (an actor, a model's row, a float: what depends on who asks is not cached).
    """
    if not _NAMESPACE.fullmatch(namespace) or len(parts) > MOST_PARTS:
        raise ValueError(f"{namespace!r} with {len(parts)} parts is no cache key")
    return ":".join([namespace, *(quote(_part(part), safe="") for part in parts)])


def namespace_of(key: str) -> str:
    """The first segment of a key."""
    return key.partition(":")[0]


def require_key(key: str) -> str:
    """The key, if it is one. Raises ValueError for anything with blanks or a pattern's marks in it."""
    if not _KEY.fullmatch(key) or not _NAMESPACE.fullmatch(namespace_of(key)) or key.count(":") > MOST_PARTS:
        raise ValueError("a cache key is made by cache_key(): its parts are quoted")
    return key


def prefix_of(pattern: str) -> str:
    """What a pattern names: a key, and all keys below it, with `:*` at its end or without. Raises ValueError."""
    return require_key(pattern.removesuffix(":*"))


def paths(key: str) -> list[str]:
    """The key's prefixes, itself last, each short enough to be stored."""
    segments = key.split(":")
    return [short(":".join(segments[: n + 1])) for n in range(len(segments))]


def short(key: str) -> str:
    """The key itself, or if it is long its namespace and a hash of the whole."""
    if len(key) <= LONGEST:
        return key
    return f"{namespace_of(key)}:~{hashlib.sha256(key.encode()).hexdigest()}"


def _part(part: object) -> str:
    if isinstance(part, Enum):
        return f"e.{type(part).__name__}.{part.name}"
    if isinstance(part, bool | None):
        return f"k.{part}"
    if isinstance(part, tuple | list):
        return f"l.{','.join(quote(_part(item), safe='') for item in part)}"
    for kind, mark in ((str, "s"), (int, "i"), (UUID, "u"), (Decimal, "d"), (datetime, "t"), (date, "a")):
        if type(part) is kind:
            return f"{mark}.{part}"
    raise TypeError(f"a {type(part).__name__} cannot be part of a cache key")
