"""Aged record differences after SEC rule 17Ad-11: dates and thresholds. Pure.

A difference is aged when it has been open for more calendar days than the policy says: 30, or fewer. What is aged at
the end of a month, and worth more than a threshold that depends on the issuer's capitalization and on whether it is
equity or debt, is reported within ten business days after the end of that month: Saturdays, Sundays and federal
holidays (5 U.S.C. 6103) are none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Protocol

SATURDAY, SUNDAY = 5, 6
MONDAY, THURSDAY = 0, 3
DEBT = "D"  # first letter of a CFI code (ISO 10962)
# Month and day, and which weekday of which month: the nth, or the last (-1).
FIXED = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))
FLOATING = ((1, MONDAY, 3), (2, MONDAY, 3), (5, MONDAY, -1), (9, MONDAY, 1), (10, MONDAY, 2), (11, THURSDAY, 4))


class Tier(Protocol):
    """Thresholds, in dollars, for issuers of one size."""

    @property
    def equity_usd(self) -> int: ...
    @property
    def debt_usd(self) -> int: ...


class SizedTier(Tier, Protocol):
    """The same with the largest capitalization it is for."""

    @property
    def capitalization_usd(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Period:
    """The end of a month, and the day until which what is aged then is reported."""

    month_end: date
    due: date


def last_period(today: date, business_days: int) -> Period:
    """The last month that was over before `today`."""
    month_end = today.replace(day=1) - timedelta(days=1)
    return Period(month_end, business_day_after(month_end, business_days))


def business_day_after(start: date, number: int) -> date:
    """The so-many-th business day after `start`."""
    day, left = start, number
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return day


def is_business_day(day: date) -> bool:
    """A weekday on which no federal holiday is observed."""
    # New Year's Day is observed in the year before if it is a Saturday.
    return day.weekday() < SATURDAY and day not in holidays(day.year) | holidays(day.year + 1)


def holidays(year: int) -> set[date]:
    """The federal holidays of a year on the days they are observed: Friday for Saturday, Monday for Sunday."""
    found = {_observed(date(year, month, day)) for month, day in FIXED}
    return found | {_nth(year, month, weekday, nth) for month, weekday, nth in FLOATING}


def _observed(day: date) -> date:
    shift = {SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    if nth < 0:
        last = (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def is_debt(cfi: str) -> bool:
    """Whether the security is debt; all else has the lower thresholds of equity."""
    return cfi.startswith(DEBT)


def threshold(capitalization: Fraction, *, debt: bool, tiers: Iterable[SizedTier], above: Tier) -> int:
    """In dollars, for an issuer whose securities are worth so much."""
    fitting = next((tier for tier in tiers if capitalization <= tier.capitalization_usd), above)
    return fitting.debt_usd if debt else fitting.equity_usd
