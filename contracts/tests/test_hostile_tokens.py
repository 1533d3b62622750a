"""Listed tokens that misbehave: each costs its own trade at most, and never a leg."""

import pytest
from web3.contract import Contract

from .market import PAYMENT, PURSE, SECURITY, TRADE_GAS_LIMIT, UNIT, Market, Trade
from .node import Revert
from .test_roles import OPERATOR_ROLE

MODES = (
    "HONEST", "RETURNS_FALSE", "RETURNS_NOTHING", "RETURNS_TWO", "RETURNS_ONE_BYTE", "LIES", "TAKES_FEE", "OVERPAYS",
    "REVERT_BOMB", "RETURN_BOMB", "BURNS_GAS", "REVERTS_WITH", "REENTERS", "REENTERS_QUIETLY", "BALANCE_BURNS_GAS",
    "BALANCE_BOMB", "BALANCE_REVERT_BOMB", "BALANCE_EMPTY", "BALANCE_DROPS", "SLOW",
)  # fmt: skip
MAX_REASON = 256
KINDS = pytest.mark.parametrize("kind", [SECURITY, PAYMENT], ids=["security", "payment"])


def hostile_trade(market: Market, kind: int, mode: str) -> tuple[Contract, Trade]:
    """A trade whose one leg is a hostile token of that kind; 1,000 units of it are to move."""
    token = market.list_token(kind)
    market.chain.send(token, "setMode", MODES.index(mode), sender=market.attacker)
    if kind == SECURITY:
        return token, market.trade(security=token.address, quantity=1_000, amount=UNIT)
    return token, market.trade(payment=token.address, quantity=1, amount=1_000)


def settle_among_others(market: Market, trade: Trade) -> Revert | None:
    """Why `trade` failed, or None. Its neighbours are real trades and must settle; a failed trade must move nothing."""
    first, last = market.trade(quantity=1, amount=UNIT), market.trade(quantity=1, amount=UNIT)
    before = market.books()
    outcome = market.settle(first, trade, last)
    assert [first.id, last.id] == [done for done in outcome.settled if done != trade.id]
    if trade.id in outcome.settled:
        assert market.is_settled(trade)
        return None
    assert not market.is_settled(trade)
    moved = (-2, 2 * UNIT, 2, -2 * UNIT)  # the neighbours' legs and nothing else
    assert market.books() == tuple(balance + change for balance, change in zip(before, moved, strict=True))
    return outcome.failed[trade.id]


def hostile_books(market: Market, token: Contract) -> tuple[int, int]:
    market.chain.send(token, "setMode", MODES.index("HONEST"), sender=market.attacker)
    return market.balance(token, market.seller), market.balance(token, market.buyer)


class TestAnswers:
    @KINDS
    @pytest.mark.parametrize("mode", ["RETURNS_FALSE", "RETURNS_TWO", "RETURNS_ONE_BYTE"])
    def test_anything_but_true_fails_the_trade(self, market: Market, kind: int, mode: str) -> None:
        token, trade = hostile_trade(market, kind, mode)
        assert settle_among_others(market, trade) == Revert("ReturnedFalse", (token.address.lower(),))
        assert hostile_books(market, token) == (PURSE, PURSE)

    @KINDS
    def test_no_answer_is_judged_by_what_arrived(self, market: Market, kind: int) -> None:
        token, trade = hostile_trade(market, kind, "RETURNS_NOTHING")
        assert settle_among_others(market, trade) is None
        moved = 1_000 if kind == PAYMENT else -1_000
        assert hostile_books(market, token) == (PURSE + moved, PURSE - moved)

    @KINDS
    def test_a_huge_answer_does_not_matter(self, market: Market, kind: int) -> None:
        _, trade = hostile_trade(market, kind, "RETURN_BOMB")
        assert settle_among_others(market, trade) is None


class TestAmounts:
    @KINDS
    @pytest.mark.parametrize(
        ("mode", "received"), [("LIES", 0), ("TAKES_FEE", 990), ("OVERPAYS", 1_001), ("BALANCE_DROPS", 0)]
    )
    def test_any_other_amount_received_fails_the_trade(
        self, market: Market, kind: int, mode: str, received: int
    ) -> None:
        token, trade = hostile_trade(market, kind, mode)
        reason = settle_among_others(market, trade)
        assert reason == Revert("WrongAmountReceived", (token.address.lower(), 1_000, received))
        assert hostile_books(market, token) == (PURSE, PURSE)

    @KINDS
    @pytest.mark.parametrize("mode", ["BALANCE_EMPTY", "BALANCE_REVERT_BOMB"])
    def test_an_unreadable_balance_fails_the_trade(self, market: Market, kind: int, mode: str) -> None:
        token, trade = hostile_trade(market, kind, mode)
        assert settle_among_others(market, trade) == Revert("BalanceUnreadable", (token.address.lower(),))


class TestBombs:
    @KINDS
    def test_revert_data_of_100_kb_is_cut(self, market: Market, kind: int) -> None:
        token, trade = hostile_trade(market, kind, "REVERT_BOMB")
        reason = settle_among_others(market, trade)
        assert reason is not None
        assert (reason.name, reason.args[0]) == ("TransferFailed", token.address.lower())
        assert len(reason.args[1]) == MAX_REASON

    def test_ten_bombs_in_a_batch_cost_little(self, market: Market) -> None:
        _, trade = hostile_trade(market, PAYMENT, "REVERT_BOMB")
        bombs = [trade._replace(id=market.new_id()) for _ in range(10)]
        outcome = market.settle(*bombs, market.trade())
        assert len(outcome.failed) == 10
        assert len(outcome.settled) == 1
        assert outcome.gas_used < 1_500_000

    @KINDS
    def test_a_huge_balance_answer_does_not_matter(self, market: Market, kind: int) -> None:
        _, trade = hostile_trade(market, kind, "BALANCE_BOMB")
        assert settle_among_others(market, trade) == Revert(
            "WrongAmountReceived", (trade[3 if kind == SECURITY else 4].lower(), 1_000, 0)
        )


class TestGasBurners:
    @KINDS
    @pytest.mark.parametrize("mode", ["BURNS_GAS", "BALANCE_BURNS_GAS"])
    def test_stop_only_their_own_trade(self, market: Market, kind: int, mode: str) -> None:
        _, trade = hostile_trade(market, kind, mode)
        assert settle_among_others(market, trade) is not None

    def test_cost_the_gas_of_one_trade_each(self, market: Market) -> None:
        _, trade = hostile_trade(market, PAYMENT, "BURNS_GAS")
        burners = [trade._replace(id=market.new_id()) for _ in range(10)]
        good = market.trade()
        outcome = market.settle(*burners[:5], good, *burners[5:])
        assert outcome.settled == [good.id]
        assert len(outcome.failed) == 10
        assert 10 * TRADE_GAS_LIMIT * 0.95 < outcome.gas_used < 10 * (TRADE_GAS_LIMIT + 20_000) + 500_000


class TestImitation:
    def test_a_tokens_own_words_are_wrapped(self, market: Market) -> None:
        """A token that reverts with our AlreadySettled must not make anyone believe it."""
        token, trade = hostile_trade(market, PAYMENT, "REVERTS_WITH")
        words = bytes(market.chain.w3.keccak(text="AlreadySettled()"))[:4]
        market.chain.send(token, "setCall", market.attacker, words, sender=market.attacker)
        assert settle_among_others(market, trade) == Revert("TransferFailed", (token.address.lower(), words))


class TestReentry:
    def arm(self, market: Market, mode: str, function: str, *args: object) -> tuple[Contract, Trade]:
        token, trade = hostile_trade(market, PAYMENT, mode)
        market.chain.send(market.dvp, "grantRole", OPERATOR_ROLE, token.address, sender=market.owner)
        call = market.dvp.encode_abi(function, args)
        market.chain.send(token, "setCall", market.dvp.address, call, sender=market.attacker)
        return token, trade

    def test_into_settle_is_refused_even_to_an_operator(self, market: Market) -> None:
        token, trade = self.arm(market, "REENTERS", "settle", [market.trade()])
        guard = bytes(market.chain.w3.keccak(text="ReentrancyGuardReentrantCall()"))[:4]
        assert settle_among_others(market, trade) == Revert("TransferFailed", (token.address.lower(), guard))

    def test_into_settle_of_another_trade_has_no_effect(self, market: Market) -> None:
        victim = market.trade()
        token, trade = self.arm(market, "REENTERS_QUIETLY", "settle", [victim])
        assert settle_among_others(market, trade) is None
        assert (token.functions.reentries().call(), token.functions.reentrySucceeded().call()) == (1, False)
        assert not market.is_settled(victim)

    def test_into_the_trade_itself_has_no_effect(self, market: Market) -> None:
        token, trade = hostile_trade(market, PAYMENT, "REENTERS_QUIETLY")
        inner = market.dvp.encode_abi("settleOne", (trade,))
        market.chain.send(token, "setCall", market.dvp.address, inner, sender=market.attacker)
        assert settle_among_others(market, trade) is None
        assert token.functions.reentrySucceeded().call() is False
        assert hostile_books(market, token) == (PURSE + 1_000, PURSE - 1_000)
