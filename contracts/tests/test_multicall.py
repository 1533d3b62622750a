"""Multicall answers as Multicall3 does, and can change nothing."""

import pytest
from eth_abi import decode, encode
from web3.contract import Contract

from .market import Market
from .node import CallReverted

ABSENT = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture
def multicall(market: Market) -> Contract:
    return market.chain.deploy("Multicall", sender=market.owner)


def question(market: Market, who: str, *, allowed: bool = True) -> tuple[str, bool, str]:
    return market.cash.address, allowed, market.cash.encode_abi("balanceOf", [who])


class TestAggregate3:
    def test_answers_each_call_in_order(self, market: Market, multicall: Contract) -> None:
        calls = [question(market, who) for who in (market.buyer, ABSENT, market.buyer)]
        balance = market.cash.functions.balanceOf(market.buyer).call()
        answers = multicall.functions.aggregate3(calls).call()
        assert balance > 0
        assert answers == [(True, number.to_bytes(32, "big")) for number in (balance, 0, balance)]

    def test_has_the_selector_of_multicall3(self, market: Market, multicall: Contract) -> None:
        data = "0x82ad56cb" + encode(["(address,bool,bytes)[]"], [[]]).hex()
        answer = market.chain.rpc("eth_call", {"to": multicall.address, "data": data}, "latest")
        assert decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:])) == ((),)

    def test_says_which_calls_failed_where_they_may(self, market: Market, multicall: Contract) -> None:
        burn = market.cash.encode_abi("burn", [1])  # of nothing: and it could not if there were something
        calls = [question(market, market.buyer), (market.cash.address, True, burn), (ABSENT, True, b"\x01")]
        answers = multicall.functions.aggregate3(calls).call()
        assert [success for success, _ in answers] == [True, False, True]
        assert answers[2] == (True, b"")

    def test_reverts_where_one_may_not(self, market: Market, multicall: Contract) -> None:
        calls = [question(market, market.buyer, allowed=False), (market.security.address, False, b"\x01\x02\x03\x04")]
        with pytest.raises(CallReverted):
            market.chain.send(multicall, "aggregate3", calls, sender=market.buyer)

    def test_changes_nothing_even_where_it_holds_something(self, market: Market, multicall: Contract) -> None:
        market.chain.send(market.cash, "transfer", multicall.address, 5, sender=market.buyer)
        away = market.cash.encode_abi("transfer", [market.buyer, 5])
        market.chain.send(multicall, "aggregate3", [(market.cash.address, True, away)], sender=market.buyer)
        assert market.cash.functions.balanceOf(multicall.address).call() == 5
