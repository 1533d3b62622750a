"""The invariants of the matching core, over streams of colliding orders and cancels."""

from collections import defaultdict
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dex.matching import (
    Cancel,
    Command,
    LevelChange,
    Matcher,
    NewOrder,
    OrderStatus,
    RejectCode,
    Result,
    SelfTradePrevention,
    Side,
    TimeInForce,
    consumed_on_fill,
    required_hold,
    result_bytes,
)
from apps.dex.tests.matching_commands import INSTRUMENT, colliding, random_commands, streams
from apps.dex.tests.matching_reference import ReferenceMatcher


def run(commands: list[Command]) -> tuple[Matcher, list[Result]]:
    matcher = Matcher(INSTRUMENT)
    return matcher, [matcher.apply(command) for command in commands]


def accepted(commands: list[Command], results: list[Result]) -> dict[object, NewOrder]:
    pairs = zip(commands, results, strict=True)
    return {c.order_id: c for c, result in pairs if isinstance(c, NewOrder) and result.accepted}


def full_depth(matcher: Matcher) -> dict[tuple[Side, int], tuple[int, int]]:
    depth = matcher.book.depth(1_000)
    return {(level.side, level.price): (level.quantity, level.order_count) for level in depth.bids + depth.asks}


class TestTheMatcher:
    @colliding
    @given(streams)
    def test_does_what_the_reference_does(self, commands: list[Command]) -> None:
        matcher = Matcher(INSTRUMENT)
        reference = ReferenceMatcher(tick=10, lot=100, min_quantity=200, max_quantity=1_000)
        for command in commands:
            result = matcher.apply(command)
            verdict, trades, states = reference.apply(command)
            assert (result.code or result.verdict) == verdict
            assert [(f.maker_id, f.taker_id, f.price, f.quantity) for f in result.fills] == trades
            assert {o.order_id: (o.status, o.filled, o.canceled) for o in result.orders} == states
            assert [tuple(order) for order in matcher.book.snapshot()] == reference.book()

    @pytest.mark.parametrize("count", [2_000, pytest.param(15_000, marks=pytest.mark.soak)])
    def test_does_what_the_reference_does_in_a_deep_book(self, count: int) -> None:
        matcher = Matcher(INSTRUMENT)
        reference = ReferenceMatcher(tick=10, lot=100, min_quantity=200, max_quantity=1_000)
        fills, deepest = 0, 0
        for command in random_commands(count, seed=20_260_101):
            result = matcher.apply(command)
            _, trades, states = reference.apply(command)
            assert [(f.maker_id, f.taker_id, f.price, f.quantity) for f in result.fills] == trades
            assert {o.order_id: (o.status, o.filled, o.canceled) for o in result.orders} == states
            fills, deepest = fills + len(trades), max(deepest, len(matcher.book))
        assert [tuple(order) for order in matcher.book.snapshot()] == reference.book()
        assert fills > count // 8
        assert deepest > 100

    @colliding
    @given(streams)
    def test_never_leaves_a_crossed_book(self, commands: list[Command]) -> None:
        matcher = Matcher(INSTRUMENT)
        for command in commands:
            matcher.apply(command)
            open_orders = matcher.book.snapshot()
            bids = [order.price for order in open_orders if order.side is Side.BUY]
            asks = [order.price for order in open_orders if order.side is Side.SELL]
            assert not bids or not asks or max(bids) < min(asks)
            assert matcher.book.best_bid() == max(bids, default=None)
            assert matcher.book.best_ask() == min(asks, default=None)

    @colliding
    @given(streams)
    def test_trades_at_the_makers_price_within_both_limits(self, commands: list[Command]) -> None:
        _, results = run(commands)
        orders = accepted(commands, results)
        for fill in (fill for result in results for fill in result.fills):
            buy, sell = orders[fill.buy_order_id], orders[fill.sell_order_id]
            assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
            assert (buy.party_key, sell.party_key) == (fill.buyer_key, fill.seller_key)
            assert fill.price == orders[fill.maker_id].price
            assert sell.price <= fill.price <= buy.price
            assert fill.quantity > 0
            assert fill.quantity % INSTRUMENT.lot == 0
            assert fill.price * fill.quantity == fill.cash_amount * INSTRUMENT.quantity_scale

    @colliding
    @given(streams)
    def test_accounts_for_every_unit_and_ends_each_order_once(self, commands: list[Command]) -> None:
        matcher, results = run(commands)
        orders = accepted(commands, results)
        filled: dict[object, int] = defaultdict(int)
        last: dict[object, OrderStatus] = {}
        for result in results:
            for fill in result.fills:
                filled[fill.maker_id] += fill.quantity
                filled[fill.taker_id] += fill.quantity
            for change in result.orders:
                assert change.order_id not in last or not last[change.order_id].is_final
                last[change.order_id] = change.status
                if change.status is not OrderStatus.REJECTED:
                    assert change.filled + change.canceled + change.remaining == orders[change.order_id].quantity
                    assert change.filled == filled[change.order_id]
                    assert (change.remaining == 0) == change.status.is_final
        resting = {order.order_id for order in matcher.book.snapshot()}
        assert resting == {order_id for order_id, status in last.items() if not status.is_final}

    @colliding
    @given(streams)
    def test_never_rests_an_ioc_order(self, commands: list[Command]) -> None:
        matcher, results = run(commands)
        orders = accepted(commands, results)
        resting = matcher.book.snapshot()
        assert all(orders[order.order_id].time_in_force is TimeInForce.GTC for order in resting)

    @colliding
    @given(streams)
    def test_lets_no_party_trade_with_itself_unless_told(self, commands: list[Command]) -> None:
        _, results = run(commands)
        orders = accepted(commands, results)
        for fill in (fill for result in results for fill in result.fills):
            if fill.maker_key == fill.taker_key:
                assert orders[fill.taker_id].self_trade_prevention is SelfTradePrevention.NONE


class TestARefusedCommand:
    @colliding
    @given(streams)
    def test_changes_nothing(self, commands: list[Command]) -> None:
        """Duplicates, foreign cancels, prices and quantities off the terms."""
        matcher = Matcher(INSTRUMENT)
        for command in commands:
            before, owners = matcher.book.hash(), {o.order_id: o.party_key for o in matcher.book.snapshot()}
            foreseen = matcher.refusal(command)
            result = matcher.apply(command)
            assert result.code == foreseen
            if isinstance(command, Cancel) and owners.get(command.order_id) != command.party_key:
                assert result.code is RejectCode.UNKNOWN_ORDER
            if not result.accepted:
                assert (result.fills, result.levels) == ((), ())
                assert [(o.order_id, o.status) for o in result.orders] in (
                    [],
                    [(command.order_id, OrderStatus.REJECTED)],
                )
                assert matcher.book.hash() == before

    @colliding
    @given(streams)
    def test_leaves_its_id_used(self, commands: list[Command]) -> None:
        matcher, _ = run(commands)
        before = matcher.book.hash()
        for command in commands:
            if isinstance(command, NewOrder):
                assert matcher.apply(command) == Result(command.order_id, command.party_key, RejectCode.DUPLICATE_ID)
        assert matcher.book.hash() == before


class TestReplay:
    @colliding
    @given(streams)
    def test_gives_identical_bytes(self, commands: list[Command]) -> None:
        first, results = run(commands)
        second, again = run(commands)
        assert [result_bytes(result) for result in results] == [result_bytes(result) for result in again]
        assert first.book.canonical_bytes() == second.book.canonical_bytes()

    @colliding
    @given(streams, st.integers(0, 80))
    def test_does_not_notice_a_reload(self, commands: list[Command], cut: int) -> None:
        whole, results = run(commands)
        before, first = run(commands[:cut])
        used = [command.order_id for command in commands[:cut] if isinstance(command, NewOrder)]
        after = Matcher.load(INSTRUMENT, before.book.snapshot(), used)
        assert after.book.hash() == before.book.hash()
        assert first + [after.apply(command) for command in commands[cut:]] == results
        assert after.book.snapshot() == whole.book.snapshot()

    @colliding
    @given(streams)
    def test_hashes_the_same_whether_hashed_along_the_way_or_once(self, commands: list[Command]) -> None:
        """The digests kept per level are never stale."""
        self.hash_along_the_way(commands)

    def test_hashes_a_deep_book_the_same_too(self) -> None:
        assert len(self.hash_along_the_way(random_commands(500, seed=20_260_103)).book) > 50

    def hash_along_the_way(self, commands: Iterable[Command]) -> Matcher:
        matcher = Matcher(INSTRUMENT)
        for command in commands:
            matcher.apply(command)
            assert matcher.book.hash() == Matcher.load(INSTRUMENT, matcher.book.snapshot()).book.hash()
        return matcher

    @colliding
    @given(streams)
    def test_hashes_different_books_differently(self, commands: list[Command]) -> None:
        matcher = Matcher(INSTRUMENT)
        hashes: dict[str, object] = {}
        for command in commands:
            matcher.apply(command)
            snapshot = matcher.book.snapshot()
            assert hashes.setdefault(matcher.book.hash(), snapshot) == snapshot


class TestLevelChanges:
    @colliding
    @given(streams)
    def test_add_up_to_the_depth_and_the_depth_to_the_orders(self, commands: list[Command]) -> None:
        matcher = Matcher(INSTRUMENT)
        feed: dict[tuple[Side, int], tuple[int, int]] = {}
        for command in commands:
            for level in matcher.apply(command).levels:
                assert isinstance(level, LevelChange)
                feed[level.side, level.price] = (level.quantity, level.order_count)
                if level.order_count == 0:
                    assert feed.pop((level.side, level.price)) == (0, 0)
            orders: dict[tuple[Side, int], tuple[int, int]] = {}
            for order in matcher.book.snapshot():
                quantity, count = orders.get((order.side, order.price), (0, 0))
                orders[order.side, order.price] = (quantity + order.remaining, count + 1)
            assert feed == full_depth(matcher) == orders


class TestHolds:
    """What was placed is still held, set free, or owed to a settlement: nothing else, no rounding."""

    @colliding
    @given(streams)
    def test_are_released_or_consumed_to_the_last_unit(self, commands: list[Command]) -> None:
        self.follow(commands)

    def test_are_so_for_orders_that_sweep_many_levels(self) -> None:
        results = self.follow(random_commands(1_000, seed=20_260_102))
        sweeps = [result for result in results if len({fill.price for fill in result.fills}) > 2]
        assert len(sweeps) > 10

    def follow(self, commands: Iterable[Command]) -> list[Result]:
        matcher, results = Matcher(INSTRUMENT), []
        held: dict[object, int] = {}
        sides: dict[object, Side] = {}
        for command in commands:
            result = matcher.apply(command)
            results.append(result)
            if isinstance(command, NewOrder) and result.accepted:
                sides[command.order_id] = command.side
                held[command.order_id] = required_hold(INSTRUMENT, command.side, command.price, command.quantity)
            for fill in result.fills:
                for order_id in (fill.maker_id, fill.taker_id):
                    held[order_id] -= consumed_on_fill(INSTRUMENT, sides[order_id], fill.price, fill.quantity)
            for change in result.orders:
                assert change.hold_released >= 0
                if change.status is not OrderStatus.REJECTED:
                    held[change.order_id] -= change.hold_released
            left = {
                order.order_id: required_hold(INSTRUMENT, order.side, order.price, order.remaining)
                for order in matcher.book.snapshot()
            }
            assert {order_id: amount for order_id, amount in held.items() if amount} == left
        return results
