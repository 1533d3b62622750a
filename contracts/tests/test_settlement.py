"""What the settlement contract does with trades of a real ERC-3643 token."""

import pytest
from web3.logs import DISCARD

from .erc3643 import KYC_TOPIC
from .market import HOLDING, NONE, PAYMENT, PURSE, SECURITY, UNIT, Market, Trade
from .node import Revert

NOT_POSSIBLE = (bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (21).to_bytes(32, "big")
                + b"Transfer not possible".ljust(32, b"\0"))  # fmt: skip
OPENING = (HOLDING, 0, 0, PURSE)


def reject(market: Market, trade: Trade) -> Revert:
    """Why the trade failed; asserts that nothing moved and that it does not count as settled."""
    before = market.books()
    outcome = market.settle(trade)
    assert outcome.settled == []
    assert not market.is_settled(trade)
    assert market.books() == before
    return outcome.failed[trade.id]


class TestATrade:
    def test_moves_both_legs_in_full(self, market: Market) -> None:
        trade = market.trade(quantity=10, amount=1_000 * UNIT)
        outcome = market.settle(trade)
        assert outcome.settled == [trade.id]
        assert outcome.failed == {}
        assert market.is_settled(trade)
        assert market.books() == (HOLDING - 10, 1_000 * UNIT, 10, PURSE - 1_000 * UNIT)

    def test_tells_its_terms_in_the_event(self, market: Market) -> None:
        trade = market.trade()
        receipt = market.settle(trade).receipt
        web3_receipt = market.chain.w3.eth.get_transaction_receipt(receipt["transactionHash"])
        (event,) = market.dvp.events.TradeSettled().process_receipt(web3_receipt, errors=DISCARD)
        told = event.args
        assert (told.id, told.seller, told.buyer, told.security, told.quantity, told.payment, told.amount) == (
            trade.id, trade.seller, trade.buyer, trade.security, trade.quantity, trade.payment, trade.amount,
        )  # fmt: skip

    def test_consumes_exactly_the_allowances(self, market: Market) -> None:
        market.settle(market.trade(quantity=10, amount=1_000 * UNIT))
        dvp = market.dvp.address
        assert market.security.functions.allowance(market.seller, dvp).call() == HOLDING - 10
        assert market.cash.functions.allowance(market.buyer, dvp).call() == PURSE - 1_000 * UNIT

    def test_leaves_nothing_in_the_contract(self, market: Market) -> None:
        market.settle(market.trade())
        assert market.balance(market.security, market.dvp.address) == 0
        assert market.balance(market.cash, market.dvp.address) == 0


class TestOnceOnly:
    def test_a_settled_id_never_settles_again(self, market: Market) -> None:
        trade = market.trade()
        market.settle(trade)
        before = market.books()
        assert market.settle(trade).failed == {trade.id: Revert("AlreadySettled")}
        assert market.settle(trade._replace(quantity=1, amount=1)).failed == {trade.id: Revert("AlreadySettled")}
        assert market.books() == before

    def test_twice_in_one_batch_settles_once(self, market: Market) -> None:
        trade = market.trade()
        outcome = market.settle(trade, trade)
        assert outcome.settled == [trade.id]
        assert outcome.failed == {trade.id: Revert("AlreadySettled")}
        assert market.books() == (HOLDING - 10, 1_000 * UNIT, 10, PURSE - 1_000 * UNIT)

    @pytest.mark.parametrize("first", [1, 254, 255, 256, 2**255 - 1, 2**256 - 2])
    def test_neighbouring_ids_are_separate(self, market: Market, first: int) -> None:
        trades = [market.trade(id=number.to_bytes(32, "big")) for number in (first, first + 1)]
        market.settle(trades[0])
        assert [market.is_settled(trade) for trade in trades] == [True, False]
        market.settle(trades[1])
        assert [market.is_settled(trade) for trade in trades] == [True, True]

    def test_a_failed_trade_settles_when_sent_again(self, market: Market) -> None:
        trade = market.trade()
        market.chain.send(market.security, "setAddressFrozen", market.buyer, True, sender=market.agent)
        assert reject(market, trade).name == "TransferFailed"
        market.chain.send(market.security, "setAddressFrozen", market.buyer, False, sender=market.agent)
        assert market.settle(trade).settled == [trade.id]


class TestExpiry:
    def test_settles_in_the_second_of_its_deadline(self, market: Market) -> None:
        trade = market.trade()
        market.chain.rpc("evm_setNextBlockTimestamp", trade.deadline)
        assert market.settle(trade).settled == [trade.id]

    def test_fails_a_second_later(self, market: Market) -> None:
        trade = market.trade()
        market.chain.rpc("evm_setNextBlockTimestamp", trade.deadline + 1)
        assert reject(market, trade) == Revert("Expired")


class TestBadTerms:
    @pytest.mark.parametrize(
        "changes",
        [
            {"id": bytes(32)},
            {"quantity": 0},
            {"amount": 0},
            {"seller": "0x" + "00" * 20},
            {"buyer": "0x" + "00" * 20},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_are_refused(self, market: Market, changes: dict[str, object]) -> None:
        assert reject(market, market.trade(**changes)) == Revert("BadTrade")

    def test_trading_with_oneself_is_refused(self, market: Market) -> None:
        assert reject(market, market.trade(seller=market.buyer)) == Revert("BadTrade")
        assert reject(market, market.trade(buyer=market.seller)) == Revert("BadTrade")

    def test_largest_amounts_do_not_wrap(self, market: Market) -> None:
        reason = reject(market, market.trade(quantity=2**128 - 1, amount=2**128 - 1))
        assert (reason.name, reason.args[0]) == ("TransferFailed", market.cash.address.lower())


class TestTokenList:
    def test_an_unlisted_security_is_refused(self, market: Market) -> None:
        other = market.platform.deploy_token("OTHER").token.address
        assert reject(market, market.trade(security=other)) == Revert("TokenNotAllowed", (other.lower(),))

    def test_an_unlisted_payment_token_is_refused(self, market: Market) -> None:
        other = market.chain.deploy("PaymentToken", "X", "X", market.owner, market.minter, sender=market.owner).address
        assert reject(market, market.trade(payment=other)) == Revert("TokenNotAllowed", (other.lower(),))

    def test_a_token_is_listed_for_one_use_only(self, market: Market) -> None:
        cash, security = market.cash.address, market.security.address
        assert reject(market, market.trade(security=cash)) == Revert("TokenNotAllowed", (cash.lower(),))
        assert reject(market, market.trade(payment=security)) == Revert("TokenNotAllowed", (security.lower(),))

    def test_a_delisted_token_is_refused(self, market: Market) -> None:
        security = market.security.address
        market.chain.send(market.dvp, "allowToken", security, NONE, sender=market.owner)
        assert reject(market, market.trade()) == Revert("TokenNotAllowed", (security.lower(),))

    def test_tells_the_kind_of_each_token(self, market: Market) -> None:
        tokens = (market.security.address, market.cash.address, market.dvp.address)
        assert [market.dvp.functions.tokenKind(token).call() for token in tokens] == [SECURITY, PAYMENT, NONE]


class TestRefusalsOfTheSecurity:
    """The ERC-3643 token itself refuses, after the payment leg has moved within the trade: it must come back."""

    def transfer_failed(self, market: Market) -> bytes:
        reason = reject(market, market.trade())
        assert (reason.name, reason.args[0]) == ("TransferFailed", market.security.address.lower())
        return reason.args[1]

    def test_allowance_too_small_is_an_arithmetic_panic(self, market: Market) -> None:
        market.chain.send(market.security, "approve", market.dvp.address, 9, sender=market.seller)
        assert self.transfer_failed(market) == bytes.fromhex("4e487b71") + (17).to_bytes(32, "big")

    def test_buyer_without_identity(self, market: Market) -> None:
        chain, cash = market.chain, market.cash
        chain.send(cash, "mint", market.stranger, PURSE, sender=market.minter)
        chain.send(cash, "approve", market.dvp.address, PURSE, sender=market.stranger)
        reason = reject(market, market.trade(buyer=market.stranger))
        assert reason == Revert("TransferFailed", (market.security.address.lower(), NOT_POSSIBLE))
        assert market.balance(cash, market.stranger) == PURSE

    def test_claim_revoked_after_the_trade(self, market: Market) -> None:
        platform, chain = market.platform, market.chain
        identity = platform.identity_of(market.buyer)
        (claim_id,) = identity.functions.getClaimIdsByTopic(KYC_TOPIC).call()
        signature = identity.functions.getClaim(claim_id).call()[3]
        chain.send(platform.claim_issuer, "revokeClaimBySignature", signature, sender=platform.manager)
        assert self.transfer_failed(market) == NOT_POSSIBLE

    @pytest.mark.parametrize("party", ["seller", "buyer"])
    def test_frozen_wallet(self, market: Market, party: str) -> None:
        market.chain.send(market.security, "setAddressFrozen", getattr(market, party), True, sender=market.agent)
        assert b"wallet is frozen" in self.transfer_failed(market)

    def test_frozen_tokens(self, market: Market) -> None:
        market.chain.send(market.security, "freezePartialTokens", market.seller, HOLDING - 9, sender=market.agent)
        assert b"Insufficient Balance" in self.transfer_failed(market)

    def test_paused_token(self, market: Market) -> None:
        market.chain.send(market.security, "pause", sender=market.agent)
        assert b"Pausable: paused" in self.transfer_failed(market)


class TestRefusalsOfTheCash:
    def test_allowance_too_small(self, market: Market) -> None:
        market.chain.send(market.cash, "approve", market.dvp.address, 1_000 * UNIT - 1, sender=market.buyer)
        assert reject(market, market.trade()).args[0] == market.cash.address.lower()

    def test_balance_too_small(self, market: Market) -> None:
        market.chain.send(market.cash, "transfer", market.stranger, PURSE, sender=market.buyer)
        assert reject(market, market.trade()).args[0] == market.cash.address.lower()


class TestABatch:
    def test_settles_the_others_when_one_fails(self, market: Market) -> None:
        good, late, poor, last = (market.trade() for _ in range(4))
        late, poor = late._replace(deadline=1), poor._replace(amount=PURSE + 1)
        outcome = market.settle(good, late, poor, last)
        assert outcome.settled == [good.id, last.id]
        assert outcome.failed[late.id] == Revert("Expired")
        assert outcome.failed[poor.id].name == "TransferFailed"
        assert market.books() == (HOLDING - 20, 2_000 * UNIT, 20, PURSE - 2_000 * UNIT)

    def test_counts_what_it_settled(self, market: Market) -> None:
        trades = [market.trade(), market.trade(deadline=1), market.trade()]
        assert market.dvp.functions.settle(trades).call({"from": market.operator}) == 2

    def test_a_buyer_may_sell_on_within_it(self, market: Market) -> None:
        market.chain.send(market.security, "approve", market.dvp.address, 10, sender=market.buyer)
        market.chain.send(market.cash, "approve", market.dvp.address, 500 * UNIT, sender=market.seller)
        there = market.trade(quantity=10, amount=1_000 * UNIT)
        back = market.trade(seller=market.buyer, buyer=market.seller, quantity=10, amount=500 * UNIT)
        assert market.settle(there, back).settled == [there.id, back.id]
        assert market.books() == (HOLDING, 500 * UNIT, 0, PURSE - 500 * UNIT)

    def test_of_none_changes_nothing(self, market: Market) -> None:
        assert market.settle().settled == []
        assert market.books() == OPENING
