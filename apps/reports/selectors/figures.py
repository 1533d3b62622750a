"""Amounts and ratios of reports, exact until they are rounded once, half to even."""

from datetime import datetime
from fractions import Fraction

from apps.core.money import format_base_units

RATIO_DIGITS = 4


def amount(base_units: int | None, decimals: int) -> str:
    """A decimal string; nothing is zero."""
    return format_base_units(int(base_units or 0), decimals)


def ratio(part: int | None, whole: int | None) -> str | None:
    """`part` / `whole` with four digits, None where there is no whole."""
    return _rounded(int(part or 0), int(whole or 0), RATIO_DIGITS)


def average(total: int | None, count: int | None, decimals: int) -> str | None:
    """The mean of amounts in base units, to the asset's last decimal; None of none."""
    units = _rounded(int(total or 0), int(count or 0), 0)
    return None if units is None else format_base_units(int(units), decimals)


def price(cash: int | None, quantity: int | None, *, quantity_decimals: int, cash_decimals: int) -> str | None:
    """Cash for one whole unit, to the cash asset's last decimal; None where nothing was sold."""
    return average(int(cash or 0) * 10**quantity_decimals, quantity, cash_decimals)


def instant(when: datetime) -> str:
    """As text, so that a client who hashes the rows gets our hash."""
    return when.isoformat().replace("+00:00", "Z")


def _rounded(part: int, whole: int, digits: int) -> str | None:
    if not whole:
        return None
    return format_base_units(round(Fraction(part, whole) * 10**digits), digits)
