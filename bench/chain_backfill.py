"""Events a second of a token that is watched late: fetched, verified, kept with their checkpoints, and folded.

A real ERC-3643 token on a node of its own, 200,000 logs, 350 or 400 of them in a transaction, at most 800 in a block.
Ours, in a process of its own: the ingester, as leader, from its first question until every log is kept once, final, and
folded into the holders' balances at the head and at the final block. Then the same once more over what is kept: no row
is added. Peer: web3.py's loop with a commit for each event, over the first 6,000 of the same events, in turn with ours.

Memory is the most the process held, after a chain of 50,000 events and after one of 200,000.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from bench.books import fresh_books, set_up
from bench.chain_world import FINAL_AFTER, Place, World, token_world
from bench.measure import Sample, stopwatch

NAME = "chain.backfill"
EVENTS, ROUNDS = 200_000, 3
BAR_RATE, BAR_RATIO, BAR_GROWTH = 20_000, 15, 32.0


@dataclass(frozen=True)
class Kept:
    """What one round of ours took: the first time, and over what was there; megabytes held at most, after each."""

    first: Sample
    again: Sample
    megabytes: float
    megabytes_again: float


def report(say: Callable[[str], None], *, events: int = EVENTS) -> dict[str, Any]:
    """The median rates of ours and of the peer, what de-duplication costs, and whether memory grows."""
    with token_world(holders=events // 10, slots_in_an_epoch=1, say=say) as world:
        set_up()
        early = alone(keep, filled(world, events // 4))
        say(f"{early.first.units:,} logs, the first quarter: {early.megabytes:.0f} MB held")
        place = filled(world, events)
        say(f"{place.logs:,} logs in {world.head()} blocks, load {os.getloadavg()[0]:.1f}")
        slice_ends = world.block_of(events * 3 // 100)
        ours: list[Kept] = []
        peers: list[Sample] = []
        for number in range(1, ROUNDS + 1):
            ours.append(alone(keep, place))
            peers.append(alone(index_as_usual, place, slice_ends))
            say(f"round {number}/{ROUNDS}: {_said(ours[-1])}; peer {peers[-1].rate:,.0f}/s of {peers[-1].units:,}")
    return _found(early, ours, peers)


def _said(kept: Kept) -> str:
    return f"{kept.first.rate:,.0f}/s, again {kept.again.rate:,.0f}/s, {kept.megabytes:.0f} MB"


def _found(early: Kept, ours: list[Kept], peers: list[Sample]) -> dict[str, Any]:
    rate, peer = median(one.first.rate for one in ours), median(one.rate for one in peers)
    at_first, at_last = early.megabytes, median(one.megabytes for one in ours)
    met = rate >= BAR_RATE and rate >= BAR_RATIO * peer and at_last - at_first < BAR_GROWTH
    return {
        "events": ours[0].first.units,
        "events_per_second": round(rate),
        "peer_events_per_second": round(peer),
        "ratio": round(rate / peer, 1),
        "dedup_events_per_second": round(median(one.again.rate for one in ours)),
        "rss_mb_at_50k": round(at_first),
        "rss_mb_at_200k": round(at_last),
        "rss_mb_after_dedup": round(median(one.megabytes_again for one in ours)),
        "load": round(os.getloadavg()[0], 1),
        "bars": {"events_per_second": BAR_RATE, "ratio": BAR_RATIO, "rss_growth_mb": BAR_GROWTH},
        "met": met,
        "unit": "events/s, MB",
    }


def filled(world: World, events: int) -> Place:
    """The chain once the token has made so many Transfers, all final."""
    world.move(events - len(world.holders) - world.moved)
    world.mine(FINAL_AFTER)
    return world.place()


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns in a process of its own, which has held no memory before."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def keep(place: Place) -> Kept:
    """Ours, in this process. Raises RuntimeError if anything is missing, there twice, or not as the token has it."""
    set_up()
    from bench.chain_books import Follower, logs_kept, require_whole, uncover, watch

    with fresh_books():
        watch(place)
        with stopwatch() as elapsed:
            follower = Follower()
            follower.catch_up(place.head)
        first, megabytes = Sample(logs_kept(place), elapsed()), most_held()
        require_whole(place)
        uncover(place)
        rows = logs_kept(place)
        with stopwatch() as elapsed:
            follower.catch_up(place.head)
        again, megabytes_again = Sample(rows, elapsed()), most_held()
        require_whole(place)
    return Kept(first, again, megabytes, megabytes_again)


def most_held() -> float:
    """Megabytes: the peak of this process. Not getrusage's, which may be that of the process it was begun from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def index_as_usual(place: Place, last: int) -> Sample:
    """The peer, in this process: the token's events up to block `last`."""
    set_up()
    from django.db import connection, connections

    from bench.peers.web3_loop import MAKE, index_transfers
    from contracts.tests.node import artifact

    with fresh_books():
        with connections["owner"].cursor() as cursor:
            cursor.execute(MAKE)
        settings = connection.get_connection_params()
        database = {name: settings[name] for name in ("host", "port", "dbname", "user", "password") if name in settings}
        with stopwatch() as elapsed:
            kept = index_transfers(
                url=place.url,
                token=place.token,
                abi=artifact("trex/Token")["abi"],
                first=place.first_block,
                last=last,
                database=database,
            )
    return Sample(kept, elapsed())
