"""The rules of matching one by one, with exact outcomes. Numbers in names are those of the rule book."""

from decimal import Decimal

import pytest

from apps.dex.matching import (
    Cancel,
    CancelReason,
    Fill,
    LevelChange,
    Matcher,
    NewOrder,
    OrderChange,
    OrderStatus,
    RejectCode,
    Result,
    SelfTradePrevention,
    Side,
    TimeInForce,
    Verdict,
)
from apps.dex.tests.matching_commands import INSTRUMENT

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def matcher() -> Matcher:
    return Matcher(INSTRUMENT)


def place(
    matcher: Matcher,
    order_id: str,
    party: str,
    side: Side,
    price: int,
    quantity: int,
    kind: TimeInForce = TimeInForce.GTC,
    mode: SelfTradePrevention = SelfTradePrevention.NEWEST,
) -> Result:
    return matcher.apply(NewOrder(order_id, party, side, price, quantity, kind, mode))


def fills(result: Result) -> list[tuple[object, int, int]]:
    return [(fill.maker_id, fill.price, fill.quantity) for fill in result.fills]


def resting(matcher: Matcher) -> list[tuple[object, int]]:
    return [(order.order_id, order.remaining) for order in matcher.book.snapshot()]


class TestAnOrderThatMeetsNothing:
    def test_rests_whole(self, matcher: Matcher) -> None:
        result = place(matcher, "b1", "ann", BUY, 1_000, 300)
        assert result == Result(
            order_id="b1",
            party_key="ann",
            code=None,
            fills=(),
            orders=(OrderChange("b1", "ann", BUY, 1_000, OrderStatus.OPEN, 0, 0, 300, 0, None),),
            levels=(LevelChange(BUY, 1_000, 300, 1),),
        )
        assert result.verdict is Verdict.ACCEPTED
        assert (matcher.book.best_bid(), matcher.book.best_ask()) == (1_000, None)

    def test_is_canceled_when_ioc(self, matcher: Matcher) -> None:
        result = place(matcher, "b1", "ann", BUY, 1_000, 300, TimeInForce.IOC)
        # 1,000 x 300 / 500
        reason = CancelReason.TIME_IN_FORCE
        assert result.orders == (OrderChange("b1", "ann", BUY, 1_000, OrderStatus.CANCELED, 0, 300, 0, 600, reason),)
        assert result.levels == ()
        assert len(matcher.book) == 0


class TestAnIncomingOrder:
    def test_takes_the_best_price_then_the_first_come(self, matcher: Matcher) -> None:
        """R1, for a buyer."""
        place(matcher, "dear", "ann", SELL, 1_020, 200)
        place(matcher, "first", "ann", SELL, 1_010, 200)
        place(matcher, "second", "bob", SELL, 1_010, 200)
        place(matcher, "cheap", "bob", SELL, 1_000, 200)
        result = place(matcher, "b", "cyd", BUY, 1_020, 700)
        assert fills(result) == [
            ("cheap", 1_000, 200),
            ("first", 1_010, 200),
            ("second", 1_010, 200),
            ("dear", 1_020, 100),
        ]
        assert resting(matcher) == [("dear", 100)]

    def test_takes_the_highest_bid_first(self, matcher: Matcher) -> None:
        """R1, for a seller."""
        place(matcher, "low", "ann", BUY, 990, 200)
        place(matcher, "high", "ann", BUY, 1_000, 200)
        result = place(matcher, "s", "cyd", SELL, 990, 300)
        assert fills(result) == [("high", 1_000, 200), ("low", 990, 100)]

    def test_trades_at_the_resting_price_and_frees_the_difference(self, matcher: Matcher) -> None:
        """R2: 300 at 1,000 instead of 1,050 frees 50 x 300 / 500."""
        place(matcher, "s", "ann", SELL, 1_000, 300)
        result = place(matcher, "b", "bob", BUY, 1_050, 500)
        assert result.fills == (Fill("s", "b", "ann", "bob", BUY, 1_000, 300, 600),)
        assert result.orders == (
            OrderChange("s", "ann", SELL, 1_000, OrderStatus.FILLED, 300, 0, 0, 0, None),
            OrderChange("b", "bob", BUY, 1_050, OrderStatus.PARTIAL, 300, 0, 200, 30, None),
        )
        assert result.levels == (LevelChange(SELL, 1_000, 0, 0), LevelChange(BUY, 1_050, 200, 1))

    def test_frees_the_difference_of_every_fill(self, matcher: Matcher) -> None:
        """20 x 200 and 10 x 200 under the limit, over 500."""
        place(matcher, "s1", "ann", SELL, 1_000, 200)
        place(matcher, "s2", "ann", SELL, 1_010, 200)
        place(matcher, "s3", "ann", SELL, 1_020, 200)
        result = place(matcher, "b", "bob", BUY, 1_020, 600)
        assert [fill.cash_amount for fill in result.fills] == [400, 404, 408]
        assert result.orders[-1] == OrderChange("b", "bob", BUY, 1_020, OrderStatus.FILLED, 600, 0, 0, 8 + 4, None)

    def test_trades_at_the_resting_price_when_it_sells(self, matcher: Matcher) -> None:
        """R2: the seller gets more than asked, and a sale's hold is the security itself."""
        place(matcher, "b", "bob", BUY, 1_050, 300)
        result = place(matcher, "s", "ann", SELL, 1_000, 200)
        assert result.fills == (Fill("b", "s", "bob", "ann", SELL, 1_050, 200, 420),)
        assert result.orders == (
            OrderChange("b", "bob", BUY, 1_050, OrderStatus.PARTIAL, 200, 0, 100, 0, None),
            OrderChange("s", "ann", SELL, 1_000, OrderStatus.FILLED, 200, 0, 0, 0, None),
        )
        fill = result.fills[0]
        assert (fill.buy_order_id, fill.sell_order_id, fill.buyer_key, fill.seller_key) == ("b", "s", "bob", "ann")

    def test_stops_at_its_limit(self, matcher: Matcher) -> None:
        place(matcher, "s", "ann", SELL, 1_010, 300)
        assert fills(place(matcher, "b", "bob", BUY, 1_000, 300)) == []
        assert resting(matcher) == [("b", 300), ("s", 300)]

    def test_cancels_its_remainder_when_ioc(self, matcher: Matcher) -> None:
        """R3: 200 of 500 trade; 300 at 1,010 come free, and 10 x 200 of price improvement."""
        place(matcher, "s", "ann", SELL, 1_000, 200)
        result = place(matcher, "b", "bob", BUY, 1_010, 500, TimeInForce.IOC)
        assert result.orders[-1] == OrderChange(
            "b", "bob", BUY, 1_010, OrderStatus.CANCELED, 200, 300, 0, 606 + 4, CancelReason.TIME_IN_FORCE
        )
        assert resting(matcher) == []

    def test_leaves_a_partly_filled_maker_in_its_place(self, matcher: Matcher) -> None:
        place(matcher, "first", "ann", SELL, 1_000, 300)
        place(matcher, "second", "ann", SELL, 1_000, 300)
        place(matcher, "b1", "bob", BUY, 1_000, 200)
        assert fills(place(matcher, "b2", "bob", BUY, 1_000, 200)) == [("first", 1_000, 100), ("second", 1_000, 100)]


class TestSelfTradePrevention:
    """R5."""

    def test_newest_cancels_what_is_left_on_meeting_an_own_order(self, matcher: Matcher) -> None:
        place(matcher, "theirs", "bob", SELL, 1_000, 200)
        place(matcher, "own", "ann", SELL, 1_010, 200)
        place(matcher, "behind", "bob", SELL, 1_010, 200)
        result = place(matcher, "b", "ann", BUY, 1_010, 500)
        assert fills(result) == [("theirs", 1_000, 200)]
        assert result.orders[-1] == OrderChange(
            "b", "ann", BUY, 1_010, OrderStatus.CANCELED, 200, 300, 0, 606 + 4, CancelReason.SELF_TRADE
        )
        assert result.levels == (LevelChange(SELL, 1_000, 0, 0),)
        assert resting(matcher) == [("own", 200), ("behind", 200)]

    def test_newest_is_not_asked_when_others_fill_the_order_first(self, matcher: Matcher) -> None:
        place(matcher, "theirs", "bob", SELL, 1_010, 200)
        place(matcher, "own", "ann", SELL, 1_010, 200)
        assert place(matcher, "b", "ann", BUY, 1_010, 200).orders[-1].status is OrderStatus.FILLED

    def test_none_trades(self, matcher: Matcher) -> None:
        place(matcher, "own", "ann", SELL, 1_010, 200)
        result = place(matcher, "b", "ann", BUY, 1_010, 200, mode=SelfTradePrevention.NONE)
        assert fills(result) == [("own", 1_010, 200)]

    def test_is_decided_by_the_incoming_order(self, matcher: Matcher) -> None:
        place(matcher, "own", "ann", SELL, 1_010, 200, mode=SelfTradePrevention.NONE)
        result = place(matcher, "b", "ann", BUY, 1_010, 200)
        assert result.orders[-1].reason is CancelReason.SELF_TRADE


class TestACancel:
    """R8."""

    def test_takes_the_order_out_and_frees_its_hold(self, matcher: Matcher) -> None:
        place(matcher, "b", "ann", BUY, 1_000, 500)
        place(matcher, "s", "bob", SELL, 1_000, 200)
        result = matcher.apply(Cancel("b", "ann"))
        reason = CancelReason.REQUESTED
        assert result == Result(
            "b",
            "ann",
            None,
            orders=(OrderChange("b", "ann", BUY, 1_000, OrderStatus.CANCELED, 200, 300, 0, 600, reason),),
            levels=(LevelChange(BUY, 1_000, 0, 0),),
        )
        assert len(matcher.book) == 0

    def test_frees_the_security_of_a_sale(self, matcher: Matcher) -> None:
        place(matcher, "s", "ann", SELL, 1_000, 500)
        assert matcher.apply(Cancel("s", "ann")).orders[0].hold_released == 500

    def test_from_the_middle_of_a_queue_keeps_the_others_places(self, matcher: Matcher) -> None:
        for order_id in ("one", "two", "three"):
            place(matcher, order_id, "ann", SELL, 1_000, 200)
        assert matcher.apply(Cancel("two", "ann")).levels == (LevelChange(SELL, 1_000, 400, 2),)
        assert fills(place(matcher, "b", "bob", BUY, 1_000, 400)) == [("one", 1_000, 200), ("three", 1_000, 200)]

    @pytest.mark.parametrize("cancel", [Cancel("b", "bob"), Cancel("nothing", "ann"), Cancel("done", "ann")])
    def test_of_a_foreign_unknown_or_done_order_is_refused_alike(self, matcher: Matcher, cancel: Cancel) -> None:
        place(matcher, "done", "ann", BUY, 1_000, 200)
        matcher.apply(Cancel("done", "ann"))
        place(matcher, "b", "ann", BUY, 1_000, 200)
        assert matcher.apply(cancel) == Result(cancel.order_id, cancel.party_key, RejectCode.UNKNOWN_ORDER)
        assert resting(matcher) == [("b", 200)]


class TestARefusedOrder:
    @pytest.mark.parametrize("quantity", [0, -200, 100, 250, 1_100, True, 200.0, "200", None, Decimal(200)])
    def test_has_a_quantity_off_the_terms(self, matcher: Matcher, quantity: int) -> None:
        """R10: whole lots of 100, from 200 to 1,000, integers only."""
        result = place(matcher, "b", "ann", BUY, 1_000, quantity)
        assert (result.verdict, result.code) == (Verdict.REJECTED, RejectCode.INVALID_QUANTITY)
        assert result.orders == (OrderChange("b", "ann", BUY, 1_000, OrderStatus.REJECTED, 0, 0, 0, 0, None),)
        assert resting(matcher) == []

    @pytest.mark.parametrize("price", [0, -10, 1_005, True, 1_000.0, "1000", None, Decimal(1_000), 10**38])
    def test_has_a_price_off_the_terms(self, matcher: Matcher, price: int) -> None:
        """R10: whole ticks of 10, above zero, and never a cash amount the books cannot hold."""
        assert place(matcher, "b", "ann", BUY, price, 200).code is RejectCode.INVALID_PRICE
        assert resting(matcher) == []

    def test_repeats_an_id_even_of_an_order_that_is_done(self, matcher: Matcher) -> None:
        """R9."""
        place(matcher, "b", "ann", BUY, 1_000, 200)
        matcher.apply(Cancel("b", "ann"))
        result = place(matcher, "b", "ann", BUY, 1_000, 200)
        assert result == Result("b", "ann", RejectCode.DUPLICATE_ID)

    def test_may_be_refused_by_the_sequencer(self, matcher: Matcher) -> None:
        order = NewOrder("b", "ann", BUY, 1_000, 200)
        assert matcher.refusal(order) is None
        result = matcher.reject(order, RejectCode.INSUFFICIENT_FUNDS)
        assert result.code is RejectCode.INSUFFICIENT_FUNDS
        assert result.orders[0].status is OrderStatus.REJECTED
        assert resting(matcher) == []
        assert matcher.refusal(order) is RejectCode.DUPLICATE_ID


class TestACommandThatIsNone:
    def test_raises(self, matcher: Matcher) -> None:
        with pytest.raises(TypeError, match="str is not a command"):
            matcher.apply("cancel everything")

    @pytest.mark.parametrize(
        "codes",
        [
            ("BUY", TimeInForce.GTC, SelfTradePrevention.NONE),
            (BUY, "FOK", SelfTradePrevention.NONE),
            (BUY, TimeInForce.GTC, "OLDEST"),
        ],
    )
    def test_cannot_be_built_from_loose_codes(self, codes: tuple) -> None:
        """A mode nobody implemented can thus not be taken for another."""
        side, kind, mode = codes
        with pytest.raises(TypeError, match="is not a"):
            NewOrder("b", "ann", side, 1_000, 200, kind, mode)
