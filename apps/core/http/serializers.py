"""Strict shapes: what is not declared is refused, what is a string stays one."""

import re
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from stdnum import isin
from stdnum.exceptions import ValidationError as NumberError

# C0 and C1 controls, and the characters that override the direction of text.
DECEIVING_CHARACTERS = r"\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069"
DECEIVING = re.compile(f"[{DECEIVING_CHARACTERS}]")
NO_NUL, NOT_BLANK = r"^[^\u0000]*$", r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
ISIN, ADDRESS = "^[A-Z]{2}[A-Z0-9]{9}[0-9]$", "^0x[0-9a-fA-F]{40}$"
HASH = "^0x[0-9a-fA-F]{64}$"
AMOUNT = re.compile(r"[0-9]{1,38}(?:\.[0-9]{1,18})?", re.ASCII)
# RFC 3339. Without an offset an instant would be anybody's guess.
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# RFC 9562. Python's own reader takes braces, hyphens anywhere, and the digits of every script.
UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class StrictSerializer(serializers.Serializer[Any]):
    """A shape that refuses unknown fields."""

    def to_internal_value(self, data: Any) -> Any:
        if hasattr(data, "keys") and (unknown := sorted(set(data.keys()) - set(self.fields))):
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail("Unknown field.", code="unknown_field") for name in unknown}
            )
        return super().to_internal_value(data)


class TextField(serializers.CharField):
    """A JSON string, and nothing that merely looks like one."""

    @property
    def pattern(self) -> str:
        """What the OpenAPI document says of it."""
        return NOT_BLANK if self.trim_whitespace and not self.allow_blank else NO_NUL

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.", code="not_a_string")
        return super().to_internal_value(data)


class CodeField(TextField):
    """A string with a grammar of its own: taken as it is sent, blanks around it included."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)


class NameField(TextField):
    """A name, as its reader will see it: no control characters, nothing that turns the direction of text."""

    pattern = rf"^[^{DECEIVING_CHARACTERS}]*[^\s{DECEIVING_CHARACTERS}][^{DECEIVING_CHARACTERS}]*$"

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if DECEIVING.search(text):
            raise serializers.ValidationError("A name has no control characters.", code="control_character")
        return text


class WholeNumberField(serializers.IntegerField):
    """A JSON integer: no string, no boolean, no fraction."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("This must be a whole number.", code="not_an_integer")
        return super().to_internal_value(data)


class DigitsField(serializers.IntegerField):
    """A whole number of a query string: ASCII digits and nothing else."""

    digits: ClassVar[int] = 9

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(f"[0-9]{{1,{self.digits}}}", str(data), re.ASCII):
            raise serializers.ValidationError("This must be a whole number.", code="not_an_integer")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """A JSON boolean: not "yes", not 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("This must be true or false.", code="not_a_boolean")
        return data


class InstantField(serializers.DateTimeField):
    """An instant with its offset from UTC, within reason."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not INSTANT.fullmatch(value):
            message = 'This must be an instant with its offset, such as "2026-01-31T09:30:00Z".'
            raise serializers.ValidationError(message, code="not_an_instant")
        instant = super().to_internal_value(value)
        # Compared before it is moved to UTC: year 1 and year 9999 cannot always be.
        _require_in_range(instant.date())
        return instant.astimezone(UTC)


class DayField(serializers.DateField):
    """A day as YYYY-MM-DD, within reason."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            raise serializers.ValidationError("This must be a day, as YYYY-MM-DD.", code="not_a_day")
        day = super().to_internal_value(value)
        _require_in_range(day)
        return day


def _require_in_range(day: date) -> None:
    if not EARLIEST <= day <= LATEST:
        raise serializers.ValidationError("This is out of range: 1970 to 2199.", code="out_of_range")


class IdField(serializers.UUIDField):
    """A UUID as a string of 36 characters."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not UUID_TEXT.fullmatch(data):
            raise serializers.ValidationError("This must be a UUID string.", code="invalid")
        return super().to_internal_value(data)


class AmountField(CodeField):
    """A non-negative plain decimal as a string ("12.50"), passed on as text: its scale is the asset's."""

    pattern = f"^{AMOUNT.pattern}$"

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not AMOUNT.fullmatch(text):
            raise serializers.ValidationError(
                'This must be a plain decimal string, such as "12.50".', code="not_an_amount"
            )
        return text


class IsinField(CodeField):
    """An ISIN (ISO 6166) with a correct check digit."""

    pattern = ISIN

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            valid = isin.validate(text) == text
        except NumberError:
            valid = False
        if not valid:
            raise serializers.ValidationError("This is not a valid ISIN.", code="invalid_isin")
        return text


class AddressField(CodeField):
    """An EVM address, 0x and 40 hexadecimal digits; passed on in lower case."""

    pattern = ADDRESS

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(ADDRESS, text, re.ASCII):
            raise serializers.ValidationError("This must be an address: 0x and 40 hex digits.", code="invalid_address")
        return text.lower()


class HashField(CodeField):
    """A hash of the chain, 0x and 64 hexadecimal digits; passed on in lower case."""

    pattern = HASH

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(HASH, text, re.ASCII):
            raise serializers.ValidationError("This must be a hash: 0x and 64 hex digits.", code="invalid_hash")
        return text.lower()


def read_body(request: Request, shape: type[StrictSerializer]) -> dict[str, Any]:
    """The validated body."""
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def read_no_body(request: Request) -> None:
    """Refuse a body that says anything, where none is read."""
    read_body(request, StrictSerializer)


def read_query(request: Request, shape: type[StrictSerializer]) -> dict[str, Any]:
    """The validated query string; an unknown or repeated parameter is refused."""
    if repeated := sorted(name for name, values in request.query_params.lists() if len(values) > 1):
        raise serializers.ValidationError(
            {name: serializers.ErrorDetail("Given more than once.", code="repeated") for name in repeated}
        )
    serializer = shape(data=request.query_params.dict())
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
