"""Development cash."""

import pytest

from .market import PURSE, Market
from .node import CallReverted


class TestPaymentToken:
    def test_has_six_decimals(self, market: Market) -> None:
        assert market.cash.functions.decimals().call() == 6
        assert market.cash.functions.symbol().call() == "DUSD"

    def test_is_minted_by_minters_only(self, market: Market) -> None:
        supply = market.cash.functions.totalSupply().call()
        for sender in (market.owner, market.operator, market.buyer, market.attacker):
            with pytest.raises(CallReverted) as caught:
                market.chain.send(market.cash, "mint", sender, 1, sender=sender)
            assert caught.value.revert.name == "AccessControlUnauthorizedAccount"
        assert market.cash.functions.totalSupply().call() == supply

    def test_is_burnt_by_its_holder_only(self, market: Market) -> None:
        supply = market.cash.functions.totalSupply().call()
        market.chain.send(market.cash, "burn", 1, sender=market.buyer)
        assert market.balance(market.cash, market.buyer) == PURSE - 1
        with pytest.raises(CallReverted):
            market.chain.send(market.cash, "burn", 1, sender=market.seller)
        assert market.cash.functions.totalSupply().call() == supply - 1
