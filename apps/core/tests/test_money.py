"""Amounts: exact in both directions, and refused when they are not amounts."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidValue
from apps.core.money import (
    MAX_BASE_UNITS,
    Money,
    Quantity,
    cash_amount,
    format_base_units,
    parse_base_units,
)

units = st.integers(-MAX_BASE_UNITS, MAX_BASE_UNITS)
scales = st.integers(0, 18)


class TestParseAndFormat:
    @given(units, scales)
    def test_are_inverse(self, base_units: int, decimals: int) -> None:
        assert parse_base_units(format_base_units(base_units, decimals), decimals) == base_units

    @pytest.mark.parametrize(
        ("text", "decimals", "expected"), [("12.50", 2, 1250), ("0", 6, 0), ("007", 0, 7), ("1.5000", 1, 15)]
    )
    def test_read_plain_decimals(self, text: str, decimals: int, expected: int) -> None:
        assert parse_base_units(text, decimals) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " 1",
            "1 ",
            "+1",
            "1e3",
            "1_000",
            "1,0",
            ".5",
            "5.",
            "NaN",
            "Infinity",
            "-0",
            "-0.00",
            "١٢",
            "１２",
            "0x1",
            "1" * 39,
            "1.234",
        ],
    )
    def test_refuse_everything_else(self, text: str) -> None:
        with pytest.raises(InvalidValue):
            parse_base_units(text, 2)

    @pytest.mark.parametrize("value", [True, 1, 1.0, None])
    def test_refuse_what_is_not_text(self, value: object) -> None:
        with pytest.raises(InvalidValue):
            parse_base_units(value, 2)  # type: ignore[arg-type]

    @given(st.text(max_size=20), scales)
    def test_never_fail_in_another_way(self, text: str, decimals: int) -> None:
        with suppress(InvalidValue):
            parse_base_units(text, decimals)


class TestQuantityAndMoney:
    @given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30), scales)
    def test_subtraction_undoes_addition(self, a: int, b: int, decimals: int) -> None:
        left, right = Quantity(a, decimals), Quantity(b, decimals)
        assert (left + right) - right == left

    def test_do_not_mix_scales_or_currencies(self) -> None:
        with pytest.raises(InvalidValue):
            Quantity(1, 2) + Quantity(1, 3)
        with pytest.raises(InvalidValue):
            Money(Quantity(1, 2), "USD") + Money(Quantity(1, 2), "EUR")

    @pytest.mark.parametrize("value", [1.0, True, "1"])
    def test_hold_whole_numbers_only(self, value: object) -> None:
        with pytest.raises(InvalidValue):
            Quantity(value, 2)  # type: ignore[arg-type]


class TestCashAmount:
    @given(st.integers(1, 10**12), st.integers(1, 10**12))
    def test_is_exact_or_refused(self, price: int, quantity: int) -> None:
        scale = 1000
        if price * quantity % scale:
            with pytest.raises(InvalidValue):
                cash_amount(price=price, quantity=quantity, quantity_scale=scale)
        else:
            assert cash_amount(price=price, quantity=quantity, quantity_scale=scale) * scale == price * quantity
