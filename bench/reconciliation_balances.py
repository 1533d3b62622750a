"""Balances a second of one token at one block hash, as a full reconciliation reads them.

A real ERC-3643 token (a proxy: what is asked of it costs the node twice) with 100,000 holders written into its storage,
which is not measured. Ours: `balances_in_parts`, through the aggregator, over the guarded connection that the product
uses; every balance is compared with what was written. Peers, in the same run, in turn with ours: web3.py's
`balanceOf(..).call()` for each wallet, and the same single eth_call through our own session, which has less to do.

Memory is what the process held at most after a tenth of the holders, and how much more after all of them, thrice.
"""

import os
from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

from bench.books import fresh_books, set_up
from bench.chain_backfill import most_held
from bench.holders_world import Holders, holders_world
from bench.measure import Sample, stopwatch

NAME = "reconciliation.balances"
HOLDERS, ROUNDS = 100_000, 3
ASKED_ALONE = 500  # wallets
BAR_RATE, BAR_RATIO = 50_000, 200


def report(say: Callable[[str], None], *, holders: int = HOLDERS) -> dict[str, Any]:
    """The median rates of ours and of the peers."""
    with holders_world(holders) as world:
        set_up()
        with fresh_books():
            know_aggregator(world)
            read_all(world, holders // 10)
            early = most_held()
            taken: dict[str, list[Sample]] = {"ours": [], "web3": [], "single": []}
            for number in range(1, ROUNDS + 1):
                for side, work in (("ours", read_all), ("web3", ask_web3), ("single", ask_singly)):
                    taken[side].append(work(world))
                said = ", ".join(f"{side} {samples[-1].rate:,.0f}/s" for side, samples in taken.items())
                say(f"round {number}/{ROUNDS}: {said}, load {os.getloadavg()[0]:.1f}")
            return _found(taken, most_held() - early)


def _found(taken: dict[str, list[Sample]], megabytes: float) -> dict[str, Any]:
    rates = {side: median(sample.rate for sample in samples) for side, samples in taken.items()}
    ratio = rates["ours"] / rates["web3"]
    return {
        "holders": taken["ours"][0].units,
        "balances_per_second": round(rates["ours"]),
        "peer_web3_one_call_each": round(rates["web3"]),
        "ratio": round(ratio, 1),
        "one_call_each_by_our_session": round(rates["single"]),
        "rss_growth_mb": round(megabytes, 1),
        "load": round(os.getloadavg()[0], 1),
        "bars": {"balances_per_second": BAR_RATE, "ratio": BAR_RATIO},
        "met": rates["ours"] >= BAR_RATE and ratio >= BAR_RATIO,
        "unit": "balances/s",
    }


def know_aggregator(world: Holders) -> None:
    """Write down where the platform's aggregator is, as its deployment does."""
    from apps.chain.models import ContractAddress
    from apps.chain.selectors.multicall import OURS
    from apps.core import clock

    ContractAddress.objects.create(
        name=OURS, address=world.aggregator, deployed_block=1, tx_hash="0x" + "00" * 32, created_at=clock.now()
    )


def read_all(world: Holders, most: int | None = None) -> Sample:
    """Ours, every holder or so many. Raises RuntimeError for a balance that is not the one written."""
    from apps.chain.selectors.storage import balances_in_parts
    from apps.chain.services.nodes import default_node

    with default_node() as node, stopwatch() as elapsed:
        read = 0
        for part in balances_in_parts(node, world.token, islice(world.units, most), world.block_hash):
            if any(world.units[wallet] != units for wallet, units in part.items()):
                raise RuntimeError("a balance is not the one written")
            read += len(part)
    if read != (most or len(world.units)):
        raise RuntimeError(f"{read} balances")
    return Sample(read, elapsed())


def ask_web3(world: Holders) -> Sample:
    """The usual way: web3.py, a call for each wallet."""
    from web3 import HTTPProvider, Web3

    from contracts.tests.node import artifact

    w3 = Web3(HTTPProvider(world.url))
    token = w3.eth.contract(address=Web3.to_checksum_address(world.token), abi=artifact("trex/Token")["abi"])
    wallets = [Web3.to_checksum_address(wallet) for wallet in list(world.units)[:ASKED_ALONE]]
    with stopwatch() as elapsed:
        found = [token.functions.balanceOf(each).call(block_identifier=world.block_hash) for each in wallets]
    return _all_right(world, found, elapsed())


def ask_singly(world: Holders) -> Sample:
    """A call for each wallet, by our session: what the aggregator alone is worth."""
    from apps.chain.selectors.multicall import Question, one_word
    from apps.chain.selectors.storage import BALANCE_OF
    from apps.chain.services.nodes import default_node

    question = Question(world.token, BALANCE_OF, world.block_hash)
    with default_node() as node, stopwatch() as elapsed:
        found = []
        for wallet in list(world.units)[:ASKED_ALONE]:
            method, params = question.of(wallet)
            found.append(one_word(node.call(method, *params)))
    return _all_right(world, found, elapsed())


def _all_right(world: Holders, found: list[Any], seconds: float) -> Sample:
    if found != list(world.units.values())[:ASKED_ALONE]:
        raise RuntimeError("a balance is not the one written")
    return Sample(len(found), seconds)
