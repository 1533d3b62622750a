"""Who may do what, and that nobody may do more."""

import pytest
from web3 import Web3

from .market import HOLDING, PURSE, SECURITY, TRADE_GAS_LIMIT, Market
from .node import CallReverted, artifact

ADMIN_ROLE = bytes(32)
OPERATOR_ROLE = bytes(Web3.keccak(text="OPERATOR_ROLE"))
PAUSER_ROLE = bytes(Web3.keccak(text="PAUSER_ROLE"))


def refused(market: Market, function: str, *args: object, sender: str) -> str:
    with pytest.raises(CallReverted) as caught:
        market.chain.send(market.dvp, function, *args, sender=sender)
    return caught.value.revert.name


class TestRoles:
    def test_only_the_operator_settles(self, market: Market) -> None:
        trade = market.trade()
        others = [market.owner, market.pauser, market.agent, market.seller, market.buyer, market.attacker]
        names = {refused(market, "settle", [trade], sender=sender) for sender in others}
        assert names == {"AccessControlUnauthorizedAccount"}
        assert market.settle(trade).settled == [trade.id]

    def test_nobody_settles_past_the_batch(self, market: Market) -> None:
        for sender in (market.operator, market.owner, market.attacker):
            assert refused(market, "settleOne", market.trade(), sender=sender) == "OnlySelf"

    @pytest.mark.parametrize("role", ["operator", "pauser", "attacker"])
    def test_only_the_admin_lists_tokens_and_sets_gas(self, market: Market, role: str) -> None:
        sender = getattr(market, role)
        unauthorized = "AccessControlUnauthorizedAccount"
        assert refused(market, "allowToken", market.cash.address, SECURITY, sender=sender) == unauthorized
        assert refused(market, "setTradeGasLimit", TRADE_GAS_LIMIT, sender=sender) == unauthorized
        assert refused(market, "grantRole", OPERATOR_ROLE, sender, sender=sender) == unauthorized

    def test_a_revoked_operator_is_out(self, market: Market) -> None:
        market.chain.send(market.dvp, "revokeRole", OPERATOR_ROLE, market.operator, sender=market.owner)
        name = refused(market, "settle", [market.trade()], sender=market.operator)
        assert name == "AccessControlUnauthorizedAccount"

    def test_begin_with_one_holder_each(self, market: Market) -> None:
        expected = {ADMIN_ROLE: market.owner, OPERATOR_ROLE: market.operator, PAUSER_ROLE: market.pauser}
        has_role = market.dvp.functions.hasRole
        for role, holder in expected.items():
            assert [a for a in market.chain.accounts[:10] if has_role(role, a).call()] == [holder]


class TestPause:
    def test_stops_and_resumes_settlement(self, market: Market) -> None:
        trade = market.trade()
        market.chain.send(market.dvp, "pause", sender=market.pauser)
        assert refused(market, "settle", [trade], sender=market.operator) == "EnforcedPause"
        market.chain.send(market.dvp, "unpause", sender=market.owner)
        assert market.settle(trade).settled == [trade.id]

    def test_belongs_to_the_pauser_and_its_end_to_the_admin(self, market: Market) -> None:
        for sender in (market.operator, market.owner, market.attacker):
            assert refused(market, "pause", sender=sender) == "AccessControlUnauthorizedAccount"
        market.chain.send(market.dvp, "pause", sender=market.pauser)
        for sender in (market.operator, market.pauser, market.attacker):
            assert refused(market, "unpause", sender=sender) == "AccessControlUnauthorizedAccount"

    def test_leaves_investors_free_to_withdraw_their_allowance(self, market: Market) -> None:
        market.chain.send(market.dvp, "pause", sender=market.pauser)
        market.chain.send(market.cash, "approve", market.dvp.address, 0, sender=market.buyer)
        assert market.cash.functions.allowance(market.buyer, market.dvp.address).call() == 0


class TestSettings:
    def test_an_address_without_code_cannot_be_listed(self, market: Market) -> None:
        assert refused(market, "allowToken", market.stranger, SECURITY, sender=market.owner) == "NotAContract"

    def test_gas_limit_stays_within_bounds(self, market: Market) -> None:
        for gas in (0, 199_999, 8_000_001, 2**256 - 1):
            assert refused(market, "setTradeGasLimit", gas, sender=market.owner) == "BadTradeGasLimit"
        for gas in (200_000, 8_000_000):
            market.chain.send(market.dvp, "setTradeGasLimit", gas, sender=market.owner)
            assert market.dvp.functions.tradeGasLimit().call() == gas


class TestNoPathAroundTheAllowance:
    def test_the_contract_has_no_other_door(self, artifacts: None) -> None:
        abi = artifact("DeliveryVersusPayment")["abi"]
        writes = {e["name"] for e in abi if e["type"] == "function" and e["stateMutability"] not in ("view", "pure")}
        assert writes == {
            "settle", "settleOne", "allowToken", "setTradeGasLimit", "pause", "unpause",
            "grantRole", "revokeRole", "renounceRole",
        }  # fmt: skip
        assert not [e for e in abi if e["type"] in ("fallback", "receive")]

    def test_every_role_together_cannot_move_what_was_not_allowed(self, market: Market) -> None:
        chain = market.chain
        chain.send(market.security, "approve", market.dvp.address, 0, sender=market.seller)
        chain.send(market.cash, "approve", market.dvp.address, 0, sender=market.buyer)
        chain.send(market.dvp, "grantRole", OPERATOR_ROLE, market.owner, sender=market.owner)
        trades = [market.trade(), market.trade(quantity=1, amount=1)]
        trades.append(market.trade(seller=market.buyer, buyer=market.seller, quantity=1, amount=1))
        outcome = market.settle(*trades, sender=market.owner)
        assert outcome.settled == []
        assert {reason.name for reason in outcome.failed.values()} == {"TransferFailed"}
        assert market.books() == (HOLDING, 0, 0, PURSE)

    def test_one_sides_allowance_is_not_enough(self, market: Market) -> None:
        market.chain.send(market.cash, "approve", market.dvp.address, 0, sender=market.buyer)
        trade = market.trade(quantity=HOLDING, amount=1)
        assert market.settle(trade).settled == []
        assert market.books() == (HOLDING, 0, 0, PURSE)
