"""Dates and thresholds of SEC rule 17Ad-11, against a calendar and the rule's own table."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from apps.reports.ageing import (
    business_day_after,
    holidays,
    is_business_day,
    is_debt,
    last_period,
    threshold,
)

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


class TestHolidays:
    def test_are_those_the_office_of_personnel_management_publishes(self) -> None:
        assert sorted(holidays(2026)) == [
            date(2026, 1, 1),
            date(2026, 1, 19),
            date(2026, 2, 16),
            date(2026, 5, 25),
            date(2026, 6, 19),
            date(2026, 7, 3),  # the fourth is a Saturday
            date(2026, 9, 7),
            date(2026, 10, 12),
            date(2026, 11, 11),
            date(2026, 11, 26),
            date(2026, 12, 25),
        ]

    def test_on_a_sunday_are_observed_on_monday(self) -> None:
        assert date(2027, 7, 5) in holidays(2027)

    def test_of_a_new_year_on_a_saturday_is_in_the_old_year(self) -> None:
        assert not is_business_day(date(2027, 12, 31))


class TestTheDueDate:
    @pytest.mark.parametrize(
        ("month_end", "due"),
        [
            (date(2026, 2, 28), date(2026, 3, 13)),
            (date(2026, 6, 30), date(2026, 7, 15)),  # 3 July is a holiday
            (date(2025, 12, 31), date(2026, 1, 15)),
            (date(2026, 10, 31), date(2026, 11, 16)),  # from a Saturday, past Veterans Day
        ],
    )
    def test_is_ten_business_days_after_the_end_of_the_month(self, month_end: date, due: date) -> None:
        assert business_day_after(month_end, 10) == due

    @given(start=DAYS, number=st.integers(1, 30))
    def test_has_as_many_business_days_before_it(self, start: date, number: int) -> None:
        due = business_day_after(start, number)
        between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
        assert is_business_day(due)
        assert sum(map(is_business_day, between)) == number


class TestThePeriod:
    @pytest.mark.parametrize(
        ("today", "month_end"),
        [
            (date(2026, 3, 1), date(2026, 2, 28)),
            (date(2026, 3, 31), date(2026, 2, 28)),
            (date(2028, 3, 1), date(2028, 2, 29)),
            (date(2026, 1, 1), date(2025, 12, 31)),
        ],
    )
    def test_is_the_last_month_that_is_over(self, today: date, month_end: date) -> None:
        assert last_period(today, 10).month_end == month_end

    @given(today=DAYS)
    def test_ends_on_the_last_day_of_a_month(self, today: date) -> None:
        end = last_period(today, 10).month_end
        assert (end + timedelta(days=1)).day == 1
        assert 1 <= (today - end).days <= 31


@dataclass(frozen=True)
class OneTier:
    capitalization_usd: int
    equity_usd: int
    debt_usd: int


class TestThresholds:
    @pytest.mark.parametrize(
        ("capitalization", "equity", "debt"),
        [
            (0, 50_000, 100_000),
            (5_000_000, 50_000, 100_000),
            (Fraction(500_000_001, 100), 250_000, 500_000),
            (50_000_000, 250_000, 500_000),
            (50_000_001, 500_000, 1_000_000),
            (150_000_000, 500_000, 1_000_000),
            (150_000_001, 1_000_000, 2_000_000),
        ],
    )
    def test_shipped_are_the_rules_own(self, capitalization: Fraction, equity: int, debt: int) -> None:
        policy = settings.SECURITY.reconciliation.ageing
        given_ = {"tiers": policy.tiers, "above": policy.above}
        assert threshold(Fraction(capitalization), debt=False, **given_) == equity
        assert threshold(Fraction(capitalization), debt=True, **given_) == debt

    def test_are_those_of_the_policy(self) -> None:
        above = OneTier(0, 7, 8)
        assert threshold(Fraction(11), debt=False, tiers=[OneTier(10, 1, 2)], above=above) == 7
        assert threshold(Fraction(10), debt=True, tiers=[OneTier(10, 1, 2)], above=above) == 2

    def test_of_debt_are_for_debt_alone(self) -> None:
        assert [is_debt(cfi) for cfi in ("DBFUFR", "ESVUFR", "CIOGES")] == [True, False, False]
