"""The choice between the ways of asking, and how much one question asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.fetching.plan import choose, fitting, within_range
from apps.chain.limits import STREAK, TARGET_BYTES, Cap, Limits, Measured, Mode
from apps.chain.wire import Header


def numbered(number: int) -> Header:
    return Header(number, "0x", "0x", 0, "0x", "0x", 0)


def block(gas_used: int, transactions: int) -> Header:
    return Header(1, "0x", "0x", 0, "0x", "0x", 0, gas_used, tuple(["0x"] * transactions))


MINTS = [block(12_000_000, 1)] * 50  # 400 logs of ours in one transaction
PUBLIC = [block(30_000_000, 200)] * 50  # a busy block of strangers


class TestChoice:
    @pytest.mark.parametrize(
        ("blocks", "measured", "mode"),
        [
            ([], Measured(), Mode.RECEIPTS),
            # Of what is not known yet ranges might be far too long.
            (PUBLIC, Measured(), Mode.RECEIPTS),
            (MINTS, Measured(bytes_a_gas=0.02, logs_a_suspect=400), Mode.RECEIPTS),
            ([block(50_000, 1)] * 50, Measured(bytes_a_gas=0.03, logs_a_suspect=1), Mode.RECEIPTS),
            (PUBLIC, Measured(bytes_a_gas=0.02, logs_a_suspect=2), Mode.RANGES),
            # Where every fourth block is asked for again by its receipts, ranges save nothing.
            (PUBLIC, Measured(bytes_a_gas=0.02, logs_a_suspect=2, silent=0.25), Mode.RECEIPTS),
            # As many bytes in many transactions cost more: each is hashed, and built by the node.
            ([block(2_000_000, 1)] * 50, Measured(bytes_a_gas=0.02, logs_a_suspect=10), Mode.RECEIPTS),
            ([block(2_000_000, 90)] * 50, Measured(bytes_a_gas=0.02, logs_a_suspect=10), Mode.RANGES),
        ],
    )
    def test_is_the_cheaper_way_unless_proof_is_cheap(
        self, blocks: list[Header], measured: Measured, mode: Mode
    ) -> None:
        assert choose(blocks, measured) is mode


class TestFitting:
    def test_bounds_an_answer_by_the_bytes_it_will_have(self) -> None:
        limits = Limits(measured=Measured(bytes_a_gas=0.02))
        assert fitting(PUBLIC, limits) == TARGET_BYTES // 600_000 == 13
        assert fitting([block(10**9, 1)] * 3, limits) == 1
        assert fitting([block(0, 0)] * 700, limits) == 500
        assert fitting([], limits) == 0

    @given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=50))
    def test_always_goes_on(self, gas: list[int]) -> None:
        count = fitting([block(each, 1) for each in gas], Limits())
        assert 1 <= count <= len(gas)
        assert count == 1 or sum(gas[:count]) * 0.05 <= TARGET_BYTES


class TestRange:
    def test_is_as_wide_as_the_endpoint_takes_and_its_answer_as_long_as_predicted(self) -> None:
        blocks = [numbered(at) for at in (1, 2, 3, 8, 9, 10, 11)]
        for width, found in ((1, [1]), (3, [1, 2, 3]), (8, [1, 2, 3, 8]), (2_000, [1, 2, 3, 8, 9, 10, 11])):
            assert [block.number for block in within_range(blocks, Limits(ranges=Cap(width)))] == found
        for logs, count in ((1, 7), (4_000, 3), (10**9, 1)):
            assert len(within_range(blocks, Limits(measured=Measured(logs_a_suspect=logs)))) == count


class TestCap:
    def test_grows_by_a_tenth_after_twenty_questions_as_wide_as_it_is(self) -> None:
        cap = Cap(100, most=2_000)
        for _ in range(STREAK - 1):
            cap.accept(100)
        for _ in range(100):
            cap.accept(99)  # tells nothing
        assert cap.value == 100
        cap.accept(100)
        assert cap.value == 110
        cap.accept(110)
        cap.refuse(110)
        assert cap.value == 55

    @given(
        st.integers(min_value=1, max_value=10_000),
        st.lists(
            st.tuples(
                st.integers(min_value=1, max_value=10_000),
                st.none() | st.integers(min_value=-5, max_value=20_000),
                st.booleans(),
            )
        ),
    )
    def test_never_widens_by_a_refusal(self, start: int, refusals: list[tuple[int, int | None, bool]]) -> None:
        cap = Cap(start)
        for tried, hint, lasting in refusals:
            before = cap.value
            cap.refuse(tried, hint=hint, lasting=lasting)
            assert 1 <= cap.value <= before
            assert cap.value <= max(1, tried - 1)

    def test_never_grows_above_what_the_endpoint_always_refuses(self) -> None:
        cap = Cap(2_000)
        cap.refuse(2_000, hint=10, lasting=True)
        for _ in range(500):
            cap.accept(cap.value)
        assert cap.value == 10
        other = Cap(2_000)
        other.refuse(2_000, hint=10)
        for _ in range(500):
            other.accept(other.value)
        assert other.value > 20


class TestMeasured:
    def test_believes_a_rise_at_once_and_a_fall_slowly(self) -> None:
        measured = Measured(bytes_a_gas=0.05)
        measured.learn_bytes(answer=1_000, gas=1_000)
        assert measured.bytes_a_gas == 1.0
        measured.learn_bytes(answer=0, gas=1_000)
        assert measured.bytes_a_gas == 0.875
        measured.learn_bytes(answer=5, gas=0)
        assert measured.bytes_a_gas == 0.875
