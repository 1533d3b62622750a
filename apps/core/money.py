"""Amounts as whole base units with a known scale. Decimals exist only at the edges, as strings."""

import re
from dataclasses import dataclass
from typing import Self

from apps.core.errors import InvalidValue

# numeric(38,0): the largest amount the books hold.
MAX_BASE_UNITS = 10**38 - 1
_DECIMAL = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?", re.ASCII)


def parse_base_units(text: str, decimals: int) -> int:
    """Base units of a plain decimal string ("12.50", 2 -> 1250).

    Raises InvalidValue for anything but ASCII digits with one point, for more fractional digits than
    `decimals`, for minus zero and for amounts that numeric(38,0) cannot hold. Nothing is ever rounded.
    """
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise InvalidValue('An amount is a plain decimal string, such as "12.50".')
    negative, digits = text.startswith("-"), text.removeprefix("-")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > decimals:
        raise InvalidValue(f"At most {decimals} digits may follow the decimal point.", decimals=decimals)
    units = int(whole + fraction.ljust(decimals, "0"))
    if units > MAX_BASE_UNITS:
        raise InvalidValue("The amount is too large.")
    if negative and units == 0:
        raise InvalidValue("Minus zero is not an amount.")
    return -units if negative else units


def format_base_units(base_units: int, decimals: int) -> str:
    """The plain decimal string of an amount, with exactly `decimals` fractional digits."""
    if decimals == 0:
        return str(base_units)
    sign, digits = ("-" if base_units < 0 else ""), str(abs(base_units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Units of one thing: whole base units, of which 10**decimals make one unit."""

    base_units: int
    decimals: int

    def __post_init__(self) -> None:
        if isinstance(self.base_units, bool) or not isinstance(self.base_units, int):
            raise InvalidValue("Base units are a whole number.")
        if abs(self.base_units) > MAX_BASE_UNITS:
            raise InvalidValue("The amount is too large.")

    @classmethod
    def parse(cls, text: str, decimals: int) -> Self:
        """From a plain decimal string. Raises InvalidValue."""
        return cls(parse_base_units(text, decimals), decimals)

    def __str__(self) -> str:
        return format_base_units(self.base_units, self.decimals)

    def _same_scale(self, other: Self) -> None:
        if type(self) is not type(other) or self.decimals != other.decimals:
            raise InvalidValue("Amounts of different scale cannot be combined.")

    def __add__(self, other: Self) -> Self:
        self._same_scale(other)
        return type(self)(self.base_units + other.base_units, self.decimals)

    def __sub__(self, other: Self) -> Self:
        self._same_scale(other)
        return type(self)(self.base_units - other.base_units, self.decimals)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one cash asset, named by its code (ISO 4217 or the token's own)."""

    amount: Quantity
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same_currency(self, other: Self) -> None:
        if self.currency != other.currency:
            raise InvalidValue("Amounts of different currencies cannot be combined.")

    def __add__(self, other: Self) -> Self:
        self._same_currency(other)
        return type(self)(self.amount + other.amount, self.currency)

    def __sub__(self, other: Self) -> Self:
        self._same_currency(other)
        return type(self)(self.amount - other.amount, self.currency)


def cash_amount(*, price: int, quantity: int, quantity_scale: int) -> int:
    """Cash base units of `quantity` base units at `price` cash base units per whole unit.

    Trading terms guarantee a whole number (tick x lot is whole); anything else raises InvalidValue
    rather than round.
    """
    amount, remainder = divmod(price * quantity, quantity_scale)
    if remainder:
        raise InvalidValue("Price times quantity is not a whole number of cash base units.")
    return amount
