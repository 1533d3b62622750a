"""Orders per second from a recorded command to its durable verdict, with every row the product writes.

Ours: the sequencer, taking what waits up to 1,000 commands at a time, one commit a batch (journal, orders, trades,
holds, pending transfers, instructions, verdicts, events). Peer: one transaction per order through the ORM with
select_for_update, writing the same rows less the journal (bench/peers/orm.py). Both start from commands already
recorded, on a fresh market, on PostgreSQL with fsync on; afterwards the books must add up.
"""

import random
from typing import Any

from bench.books import fresh_books, set_up
from bench.measure import Sample, stopwatch

NAME = "dex.durable_orders"
UNIT = "orders/s"
OURS, PEER, TRADERS = 6_000, 250, 100

prepare = set_up


def ours() -> Sample:
    """The sequencer."""
    with fresh_books():
        market = _market(OURS)
        market.lead()
        with stopwatch() as elapsed:
            market.match()
        return _checked(OURS, elapsed())


def peer() -> Sample:
    """The ORM."""
    from bench.peers.orm import process

    with fresh_books():
        market = _market(PEER)
        with stopwatch() as elapsed:
            process(market.isin)
        return _checked(PEER, elapsed())


def _market(number: int) -> Any:
    """A market with `number` orders of both sides waiting in the inbox; about half of them trade."""
    from apps.dex.testing import Market

    market = Market()
    traders = [market.trader(units=100_000, cash=5_000_000) for _ in range(TRADERS)]
    chance = random.Random(number)
    market.record(
        (chance.choice(traders), chance.choice(["BUY", "SELL"]), chance.randint(950, 1050), chance.randint(1, 50))
        for _ in range(number)
    )
    return market


def _checked(number: int, seconds: float) -> Sample:
    from apps.dex.models import Inbox
    from apps.ledger.selectors.fold import fold_check

    if Inbox.objects.exists() or fold_check():
        raise RuntimeError("the books do not add up after the benchmark")
    return Sample(number, seconds)
