"""What settlement costs, how many trades one transaction carries, and what happens with too little gas.

The node enforces the cap of 2^24 gas per transaction (EIP-7825), as public chains do.
"""

from collections.abc import Callable

import pytest

from .market import HOLDING, PURSE, TRADE_GAS_LIMIT, UNIT, Market, Trade
from .node import TRANSACTION_GAS_CAP, CallReverted, Revert

LEAST_BATCH = 80
Crowd = tuple[list[str], list[str]]
RecordGas = Callable[[str, int, int], None]


def largest_batch(market: Market, trades: list[Trade]) -> int:
    """How many of `trades`, from the first, fit in one transaction at the cap."""
    low, high = 1, len(trades)
    while low < high:
        middle = (low + high + 1) // 2
        if simulate(market, trades[:middle], TRANSACTION_GAS_CAP) == middle:
            low = middle
        else:
            high = middle - 1
    return low


def simulate(market: Market, trades: list[Trade], gas: int) -> int | str:
    """Trades settled by a simulated call, or the name of the error it reverted with."""
    data = market.dvp.encode_abi("settle", (trades,))
    call = {"from": market.operator, "to": market.dvp.address, "data": data, "gas": hex(gas)}
    try:
        return int(market.chain.rpc("eth_call", call, "latest"), 16)
    except CallReverted as reverted:
        return reverted.revert.name


class TestTwentyTradesInOneCall:
    """Spike 3: real ERC-3643 token, one claim topic, every party with an identity contract of its own."""

    def test_settle_and_tell_their_gas(self, market: Market, crowd: Crowd, record_gas: RecordGas) -> None:
        sellers, buyers = crowd
        trades = [market.trade(seller=sellers[i], buyer=buyers[i], quantity=1, amount=UNIT) for i in range(20)]
        outcome = market.settle(*trades)
        assert outcome.settled == [trade.id for trade in trades]
        assert all(market.balance(market.security, buyer) == 1 for buyer in buyers[:20])
        assert all(market.balance(market.cash, seller) == UNIT for seller in sellers[:20])
        record_gas("spike 3, new holders on both sides", 20, outcome.gas_used)
        assert outcome.gas_used / 20 < 240_000

    def test_cost_less_between_existing_holders(self, market: Market, crowd: Crowd, record_gas: RecordGas) -> None:
        sellers, buyers = crowd
        pairs = list(zip(sellers[:20], buyers[:20], strict=True))
        market.settle(*[market.trade(seller=s, buyer=b, quantity=1, amount=UNIT) for s, b in pairs])
        again = [market.trade(seller=s, buyer=b, quantity=1, amount=UNIT) for s, b in pairs]
        record_gas("spike 3, existing holders", 20, market.settle(*again).gas_used)

    def test_alone(self, market: Market, record_gas: RecordGas) -> None:
        record_gas("one trade, new holders", 1, market.settle(market.trade()).gas_used)


class TestAFullTransaction:
    @pytest.mark.parametrize("shape", ["own seller and buyer each", "one seller, new buyers", "among ten holders"])
    def test_carries_at_least_eighty_trades(
        self, market: Market, crowd: Crowd, record_gas: RecordGas, shape: str
    ) -> None:
        trades = self.trades(market, crowd, shape)
        size = largest_batch(market, trades)
        outcome = market.settle(*trades[:size], gas=TRANSACTION_GAS_CAP)
        assert outcome.settled == [trade.id for trade in trades[:size]]
        record_gas(f"largest batch, {shape}", size, outcome.gas_used)
        assert size >= LEAST_BATCH

    def trades(self, market: Market, crowd: Crowd, shape: str) -> list[Trade]:
        sellers, buyers = crowd
        if shape == "among ten holders":
            pairs = [(sellers[i % 5], buyers[i % 5]) for i in range(200)]
        elif shape == "one seller, new buyers":
            pairs = [(market.seller, buyer) for buyer in buyers]
        else:
            pairs = list(zip(sellers, buyers, strict=False))
        # Ids of one book in sequence share storage slots, see README.
        book = market.new_id()[:24]
        return [
            market.trade(id=book + (number + 1).to_bytes(8, "big"), seller=seller, buyer=buyer, quantity=1, amount=UNIT)
            for number, (seller, buyer) in enumerate(pairs)
        ]

    def test_of_eighty_unrelated_ids_fits_too(self, market: Market, crowd: Crowd, record_gas: RecordGas) -> None:
        buyers = crowd[1][:LEAST_BATCH]
        trades = [market.trade(seller=market.seller, buyer=buyer, quantity=1, amount=UNIT) for buyer in buyers]
        outcome = market.settle(*trades, gas=TRANSACTION_GAS_CAP)
        assert len(outcome.settled) == LEAST_BATCH
        record_gas("80 trades with unrelated ids", LEAST_BATCH, outcome.gas_used)

    def test_of_the_dearest_shape_is_recorded(self, market: Market, crowd: Crowd, record_gas: RecordGas) -> None:
        """Every party new to what it receives and every id in a slot of its own."""
        pairs = zip(*crowd, strict=False)
        trades = [market.trade(seller=seller, buyer=buyer, quantity=1, amount=UNIT) for seller, buyer in pairs]
        size = largest_batch(market, trades)
        outcome = market.settle(*trades[:size], gas=TRANSACTION_GAS_CAP)
        assert len(outcome.settled) == size
        record_gas("largest batch, own seller and buyer each, unrelated ids", size, outcome.gas_used)
        assert size >= LEAST_BATCH

    def test_over_the_cap_is_refused_by_the_node(self, market: Market) -> None:
        with pytest.raises(RuntimeError, match=r"(?i)gas"):
            market.settle(market.trade(), gas=TRANSACTION_GAS_CAP + 1)


class TestFailingTrades:
    def test_cost_is_recorded(self, market: Market, crowd: Crowd, record_gas: RecordGas) -> None:
        """The dearest refusal: cash moves, every check of the security passes, its allowance lacks, all is undone."""
        sellers, buyers = crowd
        batch, dvp = range(20), market.dvp.address
        market.chain.send_all([(market.security, "approve", (dvp, 0), sellers[i]) for i in batch])
        trades = [market.trade(seller=sellers[i], buyer=buyers[i], quantity=1, amount=UNIT) for i in batch]
        outcome = market.settle(*trades)
        assert len(outcome.failed) == 20
        record_gas("failing, security allowance withdrawn", 20, outcome.gas_used)


class TestTooLittleGas:
    def test_reverts_the_whole_call_and_never_fails_a_trade(self, market: Market) -> None:
        """At every gas limit a batch settles whole or the call reverts: a trade is never failed for want of gas."""
        trades = [market.trade(quantity=1, amount=UNIT) for _ in range(4)]
        answers = {simulate(market, trades, gas) for gas in range(60_000, 2_000_000, 40_000)}
        # "" is the call itself running dry before it can say InsufficientGas.
        assert answers - {""} == {4, "InsufficientGas"}

    def test_gives_each_trade_its_limit_to_the_last_unit(self, market: Market) -> None:
        """With a limit the trade just fits in, no gas given to the call leaves it short (EIP-150's 1/64)."""
        trade = market.trade()
        needed = self.least_limit(market, trade)
        answers = {simulate(market, [trade], gas) for gas in range(needed, needed + 150_000, 1_000)}
        assert answers == {1, "InsufficientGas"}

    def least_limit(self, market: Market, trade: Trade) -> int:
        """The least trade gas limit with which `trade` settles; left in force."""
        low, high = 200_000, TRADE_GAS_LIMIT
        while low < high:
            middle = (low + high) // 2
            market.chain.send(market.dvp, "setTradeGasLimit", middle, sender=market.owner)
            if simulate(market, [trade], TRANSACTION_GAS_CAP) == 1:
                high = middle
            else:
                low = middle + 1
        market.chain.send(market.dvp, "setTradeGasLimit", high, sender=market.owner)
        return high

    def test_changes_nothing_when_mined(self, market: Market) -> None:
        trades = [market.trade(), market.trade()]
        with pytest.raises(CallReverted) as caught:
            market.settle(*trades, gas=TRADE_GAS_LIMIT + 150_000)
        assert caught.value.revert == Revert("InsufficientGas", (1,))
        assert market.books() == (HOLDING, 0, 0, PURSE)
        assert not any(market.is_settled(trade) for trade in trades)

    def test_the_nodes_estimate_is_enough(self, market: Market) -> None:
        trades = [market.trade(quantity=1, amount=UNIT) for _ in range(5)]
        estimate = market.dvp.functions.settle(trades).estimate_gas({"from": market.operator})
        outcome = market.settle(*trades, gas=estimate)
        assert outcome.settled == [trade.id for trade in trades]

    def test_a_trade_that_needs_more_than_its_share_may_settle_later(self, market: Market) -> None:
        trade = market.trade()
        market.chain.send(market.dvp, "setTradeGasLimit", 200_000, sender=market.owner)
        assert market.settle(trade).settled == []
        market.chain.send(market.dvp, "setTradeGasLimit", TRADE_GAS_LIMIT, sender=market.owner)
        assert market.settle(trade).settled == [trade.id]
