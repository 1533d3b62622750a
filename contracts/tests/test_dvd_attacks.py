"""Three attacks that drain T-REX's DVDTransferManager, each shown to work there, then tried on our contract."""

import pytest
from web3.contract import Contract

from .erc3643 import COUNTRY_US, ZERO
from .market import HOLDING, PAYMENT, PURSE, SECURITY, UNIT, Market
from .node import CallReverted, Revert
from .test_hostile_tokens import MODES

Leg = tuple[Contract, int]


class Dvd:
    """T-REX's own delivery-versus-delivery contract, with the allowances ours has."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.contract = market.chain.deploy("trex/DVDTransferManager", sender=market.owner)
        market.chain.send(market.security, "approve", self.contract.address, HOLDING, sender=market.seller)
        market.chain.send(market.cash, "approve", self.contract.address, PURSE, sender=market.buyer)

    def exchange(self, maker: str, gives: Leg, taker: str, takes: Leg, *, by: str) -> None:
        """`maker` offers one token for `taker`'s other; `by` executes."""
        (token1, amount1), (token2, amount2) = gives, takes
        terms = (token1.address, amount1, taker, token2.address, amount2)
        nonce = self.contract.functions.txNonce().call()
        transfer_id = self.contract.functions.calculateTransferID(nonce, maker, *terms[:2], *terms[2:]).call()
        self.market.chain.send(self.contract, "initiateDVDTransfer", *terms, sender=maker)
        self.market.chain.send(self.contract, "takeDVDTransfer", transfer_id, sender=by)


def refusal(market: Market, function: str, *args: object, sender: str) -> str:
    with pytest.raises(CallReverted) as caught:
        market.chain.send(market.dvp, function, *args, sender=sender)
    return caught.value.revert.name


class TestFakeTokenAgent:
    """The attacker is agent of a worthless token and executes an exchange its victim never agreed to."""

    def fake(self, market: Market) -> Contract:
        return market.chain.deploy("test/FakeSecurity", market.attacker, sender=market.attacker)

    def test_drains_the_dvd_manager(self, market: Market) -> None:
        dvd, fake = Dvd(market), self.fake(market)
        market.chain.send(fake, "approve", dvd.contract.address, 1, sender=market.attacker)
        dvd.exchange(market.attacker, (fake, 1), market.buyer, (market.cash, PURSE), by=market.attacker)
        assert market.balance(market.cash, market.attacker) == PURSE
        assert market.balance(market.cash, market.buyer) == 0

    def test_cannot_execute_on_ours(self, market: Market) -> None:
        fake = self.fake(market)
        market.chain.send(fake, "approve", market.dvp.address, 1, sender=market.attacker)
        theft = market.trade(seller=market.attacker, security=fake.address, quantity=1, amount=PURSE)
        assert refusal(market, "settle", [theft], sender=market.attacker) == "AccessControlUnauthorizedAccount"
        assert refusal(market, "settleOne", theft, sender=market.attacker) == "OnlySelf"
        assert refusal(market, "allowToken", fake.address, SECURITY, sender=market.attacker) == (
            "AccessControlUnauthorizedAccount"
        )
        assert market.balance(market.cash, market.buyer) == PURSE

    def test_fails_on_ours_even_when_the_operator_is_fooled(self, market: Market) -> None:
        fake = self.fake(market)
        market.chain.send(fake, "approve", market.dvp.address, 1, sender=market.attacker)
        theft = market.trade(seller=market.attacker, security=fake.address, quantity=1, amount=PURSE)
        assert market.settle(theft).failed == {theft.id: Revert("TokenNotAllowed", (fake.address.lower(),))}
        assert market.balance(market.cash, market.buyer) == PURSE
        assert market.balance(market.cash, market.attacker) == 0

    def test_the_real_agent_has_no_power_on_ours_either(self, market: Market) -> None:
        assert market.security.functions.isAgent(market.agent).call()
        assert refusal(market, "settle", [market.trade()], sender=market.agent) == "AccessControlUnauthorizedAccount"


class TestFalseReturningLeg:
    """Payment in a token that answers `false` and moves nothing."""

    def paper(self, market: Market, spender: str) -> Contract:
        """Money the attacker has plenty of, which will never move; the attacker is a verified investor."""
        chain, token = market.chain, market.list_token(PAYMENT)
        chain.send(token, "mint", market.attacker, PURSE, sender=market.attacker)
        chain.send(token, "approve", spender, PURSE, sender=market.attacker)
        chain.send(token, "setMode", MODES.index("RETURNS_FALSE"), sender=market.attacker)
        identity = market.platform.identity_of(market.buyer).address
        registry = market.suite.identity_registry
        chain.send(registry, "registerIdentity", market.attacker, identity, COUNTRY_US, sender=market.agent)
        return token

    def test_drains_the_dvd_manager(self, market: Market) -> None:
        dvd = Dvd(market)
        paper = self.paper(market, dvd.contract.address)
        dvd.exchange(market.attacker, (paper, PURSE), market.seller, (market.security, HOLDING), by=market.seller)
        assert market.balance(market.security, market.attacker) == HOLDING
        assert market.balance(paper, market.seller) == PURSE  # what the seller had before: nothing was paid
        assert market.balance(market.security, market.seller) == 0

    def test_fails_on_ours(self, market: Market) -> None:
        paper = self.paper(market, market.dvp.address)
        theft = market.trade(buyer=market.attacker, payment=paper.address, quantity=HOLDING, amount=PURSE)
        assert market.settle(theft).failed == {theft.id: Revert("ReturnedFalse", (paper.address.lower(),))}
        assert market.balance(market.security, market.attacker) == 0
        assert market.balance(market.security, market.seller) == HOLDING

    def test_fails_on_ours_as_the_security_leg(self, market: Market) -> None:
        token = market.list_token(SECURITY)
        market.chain.send(token, "setMode", MODES.index("RETURNS_FALSE"), sender=market.attacker)
        theft = market.trade(security=token.address, amount=PURSE)
        assert market.settle(theft).failed == {theft.id: Revert("ReturnedFalse", (token.address.lower(),))}
        assert market.balance(market.cash, market.buyer) == PURSE


class TestFeeArithmetic:
    """A declared fee of 0.5 % in base 4 (50 / 10^4) takes half the payment."""

    def test_drains_the_dvd_manager(self, market: Market) -> None:
        dvd = Dvd(market)
        pair = (market.security.address, market.cash.address)
        market.chain.send(dvd.contract, "modifyFee", *pair, 0, 50, 4, ZERO, market.attacker, sender=market.owner)
        give, take = (market.security, 10), (market.cash, 1_000 * UNIT)
        dvd.exchange(market.seller, give, market.buyer, take, by=market.buyer)
        assert market.balance(market.cash, market.attacker) == 500 * UNIT  # 0.5 % would be 5
        assert market.balance(market.cash, market.seller) == 500 * UNIT

    def test_ours_takes_no_fee(self, market: Market) -> None:
        market.settle(market.trade(amount=1_000 * UNIT))
        assert market.balance(market.cash, market.seller) == 1_000 * UNIT

    @pytest.mark.parametrize("kind", [SECURITY, PAYMENT], ids=["security", "payment"])
    def test_a_fee_taken_by_the_token_itself_fails_on_ours(self, market: Market, kind: int) -> None:
        token = market.list_token(kind)
        market.chain.send(token, "setMode", MODES.index("TAKES_FEE"), sender=market.attacker)
        leg = "security" if kind == SECURITY else "payment"
        theft = market.trade(**{leg: token.address, "quantity": 1_000, "amount": 1_000})
        expected = Revert("WrongAmountReceived", (token.address.lower(), 1_000, 990))
        assert market.settle(theft).failed == {theft.id: expected}
        assert market.books() == (HOLDING, 0, 0, PURSE)
