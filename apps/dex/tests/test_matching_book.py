"""The book as stored and shown, the trading terms, the hold arithmetic, and what the package imports."""

import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import InvalidValue
from apps.core.money import MAX_BASE_UNITS
from apps.dex.matching import (
    Cancel,
    CorruptBook,
    Depth,
    Instrument,
    InvalidInstrument,
    LevelChange,
    Matcher,
    NewOrder,
    RejectCode,
    RestingOrder,
    Side,
    consumed_on_fill,
    released_on_cancel,
    released_on_fill,
    required_hold,
    result_bytes,
)
from apps.dex.tests.matching_commands import INSTRUMENT

BUY, SELL = Side.BUY, Side.SELL

OPEN_ORDERS = (
    RestingOrder("b2", "ann", BUY, 1_000, 500, 0, 500),
    RestingOrder("b1", "bob", BUY, 990, 500, 200, 300),
    RestingOrder("b3", "ann", BUY, 990, 500, 0, 500),
    RestingOrder("s1", "bob", SELL, 1_010, 200, 100, 100),
    RestingOrder("s2", "ann", SELL, 1_030, 200, 0, 200),
)


@pytest.fixture
def matcher() -> Matcher:
    return Matcher.load(INSTRUMENT, OPEN_ORDERS)


class TestALoadedBook:
    def test_is_the_one_stored(self, matcher: Matcher) -> None:
        assert matcher.book.snapshot() == OPEN_ORDERS
        assert (matcher.book.best_bid(), matcher.book.best_ask(), len(matcher.book)) == (1_000, 1_010, 5)

    def test_needs_the_right_order_only_within_a_price(self, matcher: Matcher) -> None:
        b2, b1, b3, s1, s2 = OPEN_ORDERS
        assert Matcher.load(INSTRUMENT, [s2, b1, s1, b3, b2]).book.hash() == matcher.book.hash()
        assert Matcher.load(INSTRUMENT, [b2, b3, b1, s1, s2]).book.hash() != matcher.book.hash()

    def test_takes_a_stored_code_for_a_side(self) -> None:
        loaded = Matcher.load(INSTRUMENT, [RestingOrder("s", "ann", "SELL", 1_000, 200, 0, 200)])
        assert (loaded.book.best_bid(), loaded.book.best_ask()) == (None, 1_000)

    def test_knows_the_ids_of_open_and_given_orders(self) -> None:
        matcher = Matcher.load(INSTRUMENT, OPEN_ORDERS, used_ids=["done"])
        for order_id in ("b1", "done"):
            assert matcher.refusal(NewOrder(order_id, "ann", BUY, 900, 200)) is RejectCode.DUPLICATE_ID
        assert matcher.refusal(NewOrder("fresh", "ann", BUY, 900, 200)) is None

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"order_id": "b2"}, "loaded twice"),
            ({"price": 985}, "off the tick"),
            ({"price": -10}, "off the tick"),
            ({"remaining": 250}, "off the tick or the lot"),
            ({"remaining": 0}, "impossible quantities"),
            ({"filled": 300}, "impossible quantities"),
            ({"filled": -100}, "impossible quantities"),
            ({"price": 990.0}, "no integer"),
            ({"price": 1_010}, "crossed: bid 1010, ask 1010"),
        ],
    )
    def test_is_refused_if_no_matcher_left_it(self, change: dict, message: str) -> None:
        b2, b1, *others = OPEN_ORDERS
        with pytest.raises(CorruptBook, match=message):
            Matcher.load(INSTRUMENT, [b2, b1._replace(**change), *others])


class TestDepth:
    def test_sums_the_best_levels_of_each_side(self, matcher: Matcher) -> None:
        assert matcher.book.depth(1) == Depth((LevelChange(BUY, 1_000, 500, 1),), (LevelChange(SELL, 1_010, 100, 1),))
        assert matcher.book.depth(10) == Depth(
            (LevelChange(BUY, 1_000, 500, 1), LevelChange(BUY, 990, 800, 2)),
            (LevelChange(SELL, 1_010, 100, 1), LevelChange(SELL, 1_030, 200, 1)),
        )
        assert matcher.book.depth(0) == Depth((), ())


class TestCanonicalBytes:
    def test_are_a_line_per_level_with_its_queues_digest(self, matcher: Matcher) -> None:
        queue = b'[["b1","bob",500,200,300],["b3","ann",500,0,500]]'
        header, *lines = matcher.book.canonical_bytes().splitlines()
        assert header == b"bookentry.book.1"
        assert [line.split()[:2] for line in lines] == [
            [b"BUY", b"1000"],
            [b"BUY", b"990"],
            [b"SELL", b"1010"],
            [b"SELL", b"1030"],
        ]
        assert lines[1].split()[2].decode() == sha256(queue).hexdigest()
        assert matcher.book.hash() == sha256(matcher.book.canonical_bytes()).hexdigest()

    def test_of_a_result_hold_every_effect(self, matcher: Matcher) -> None:
        order = NewOrder("b4", "ann", BUY, 1_020, 200)
        assert result_bytes(matcher.apply(order)) == (
            b'["b4","ann","ACCEPTED",null,[["s1","b4","bob","ann","BUY",1010,100,202]],'
            b'[["s1","bob","SELL",1010,"FILLED",200,0,0,0,null],["b4","ann","BUY",1020,"PARTIAL",100,0,100,2,null]],'
            b'[["SELL",1010,0,0],["BUY",1020,100,1]]]'
        )
        assert result_bytes(matcher.apply(Cancel("x", "ann"))) == b'["x","ann","REJECTED","UNKNOWN_ORDER",[],[],[]]'


def terms(**change: object) -> Instrument:
    values = {"tick": 10, "lot": 100, "min_quantity": 200, "max_quantity": 1_000, "quantity_scale": 500}
    return Instrument(**{**values, **change})


class TestTradingTerms:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"tick": 0}, "tick must be a positive integer"),
            ({"lot": -100}, "lot must be a positive integer"),
            ({"tick": 1.0}, "tick must be a positive integer"),
            ({"min_quantity": True}, "min_quantity must be a positive integer"),
            ({"max_quantity": MAX_BASE_UNITS + 1}, "the books can hold"),
            ({"quantity_scale": 300}, "multiple of quantity_scale"),
            ({"min_quantity": 1_001}, "no multiple of lot"),
            ({"min_quantity": 950, "max_quantity": 999}, "no multiple of lot"),
            ({"tick": 10**36, "max_quantity": 10**7}, "at one tick exceeds"),
        ],
    )
    def test_that_could_round_or_overflow_are_refused(self, change: dict, message: str) -> None:
        with pytest.raises(InvalidInstrument, match=message):
            terms(**change)

    def test_stop_prices_one_short_of_what_the_books_cannot_hold(self) -> None:
        """1,000 at 5 x 10**37, over 500, would be 10**38."""
        assert terms().max_price == 5 * 10**37 - 1
        matcher = Matcher(terms())
        assert matcher.refusal(NewOrder("b", "ann", BUY, 5 * 10**37, 1_000)) is RejectCode.INVALID_PRICE
        assert matcher.refusal(NewOrder("b", "ann", BUY, 5 * 10**37 - 10, 1_000)) is None

    @settings(derandomize=True, database=None)
    @given(st.data())
    def test_make_every_valid_order_cost_a_whole_amount_the_books_can_hold(self, data: st.DataObject) -> None:
        scale = 10 ** data.draw(st.integers(0, 18))
        tick = data.draw(st.integers(1, 10**9))
        lot = scale * data.draw(st.integers(1, 10**6))
        lots = data.draw(st.integers(1, 10**6))
        instrument = Instrument(tick, lot, lot, lot * lots, scale)
        price = data.draw(st.integers(1, instrument.max_price // tick)) * tick
        quantity = data.draw(st.integers(1, lots)) * lot
        cash = instrument.cash_amount(price, quantity)
        assert cash * scale == price * quantity
        assert cash <= MAX_BASE_UNITS
        assert (instrument.max_price + 1) * instrument.max_quantity // scale > MAX_BASE_UNITS or (
            instrument.max_price == MAX_BASE_UNITS
        )


class TestHoldArithmetic:
    def test_is_cash_for_a_buy_and_the_security_for_a_sale(self) -> None:
        assert required_hold(INSTRUMENT, BUY, 1_050, 300) == 630
        assert consumed_on_fill(INSTRUMENT, BUY, 1_000, 300) == 600
        assert released_on_fill(INSTRUMENT, BUY, 1_050, 1_000, 300) == 30
        assert released_on_cancel(INSTRUMENT, BUY, 1_050, 200) == 420
        assert required_hold(INSTRUMENT, SELL, 1_050, 300) == 300
        assert consumed_on_fill(INSTRUMENT, SELL, 1_100, 300) == 300
        assert released_on_fill(INSTRUMENT, SELL, 1_050, 1_100, 300) == 0
        assert released_on_cancel(INSTRUMENT, SELL, 1_050, 200) == 200

    def test_refuses_to_round(self) -> None:
        with pytest.raises(InvalidValue):
            required_hold(INSTRUMENT, BUY, 1_001, 200)

    @settings(derandomize=True, database=None)
    @given(
        st.sampled_from(Side), st.integers(1, 10**9), st.integers(1, 10**9), st.lists(st.integers(1, 10**6), max_size=9)
    )
    def test_adds_up_over_any_fills_and_a_cancel(self, side: Side, limit: int, fill: int, lots: list[int]) -> None:
        fill, limit = sorted((fill * INSTRUMENT.tick, limit * INSTRUMENT.tick))
        *filled, left = [INSTRUMENT.lot * count for count in [*lots, 1]]
        used = sum(consumed_on_fill(INSTRUMENT, side, fill, quantity) for quantity in filled)
        freed = sum(released_on_fill(INSTRUMENT, side, limit, fill, quantity) for quantity in filled)
        freed += released_on_cancel(INSTRUMENT, side, limit, left)
        assert used + freed == required_hold(INSTRUMENT, side, limit, sum(filled) + left)


class TestThePackage:
    def test_imports_no_framework_and_no_driver(self) -> None:
        code = "import sys, apps.dex.matching; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
        # The path is this process's, the interpreter a fresh one: nothing is imported yet.
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded = set(done.stdout.split())
        assert "apps" in loaded
        assert not loaded & {"django", "rest_framework", "psycopg2", "celery", "redis", "web3"}
