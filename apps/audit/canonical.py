"""The one text of a JSON object: RFC 8785 (JCS), with everything that JSON says loosely said as text."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import rfc8785

# Beyond it a reader that takes numbers for doubles would read another number (RFC 7493, 2.2).
LARGEST = 2**53 - 1


def canonical_text(value: Mapping[str, Any]) -> str:
    """An object as RFC 8785 writes it: Decimals, dates, UUIDs and integers beyond 2^53-1 as strings.

    Raises TypeError for a float and for what JSON cannot say, ValueError for text with NUL or half a character.
    """
    try:
        return rfc8785.dumps(_plain(value)).decode()
    except rfc8785.CanonicalizationError:
        raise ValueError("text of the audit log has whole characters only") from None
    except RecursionError:
        raise ValueError("a value of the audit log is nested too deeply") from None


def _plain(value: Any) -> Any:
    """What of a value JSON can say exactly."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -LARGEST <= value <= LARGEST else str(int(value))
    if isinstance(value, Mapping):
        return {_name(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _plain(value.value) if isinstance(value, Enum) else _said(value)


def _said(value: Any) -> str:
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("an instant of the audit log has a time zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        raise TypeError("a float has no place in the audit log: use base units, Decimal or a string")
    raise TypeError(f"the audit log cannot say a {type(value).__name__}")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("names in the audit log are text")
    return _text(name)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("text of the audit log has no NUL")
    # An enum's text is but text, whatever the enum prints.
    return str.__str__(text)
