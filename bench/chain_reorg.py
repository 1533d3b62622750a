"""Seconds in which a reorganisation of 64 blocks with 100,000 token events is undone, and the new fork followed.

The node goes back 64 blocks, none of them final, and mines 65 empty ones. Timed from the ingester's next step until its
cursor and the folded balances are at the new tip; the balances are then held against the logs and against the token.
`undo_seconds` is the one commit in which blocks are orphaned and their events taken out of 20,000 balances.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any

from bench.books import fresh_books, set_up
from bench.chain_books import Follower, require_whole, watch
from bench.chain_world import Place, World, token_world
from bench.measure import stopwatch

NAME = "chain.reorg"
EVENTS, BLOCKS, ROUNDS = 100_000, 64, 3
SLOTS = BLOCKS  # in an epoch: blocks are final after twice as many
BAR = 2.0


def report(say: Callable[[str], None], *, events: int = EVENTS) -> dict[str, Any]:
    """The median seconds until all is at the new tip, and of the undoing commit alone."""
    with token_world(holders=events // 5, slots_in_an_epoch=SLOTS, say=say) as world:
        world.mine(2 * SLOTS)  # the mints are final
        set_up()
        with fresh_books():
            place = world.place()
            watch(place)
            follower = Follower()
            follower.catch_up(place.head)
            require_whole(place)
            taken = []
            for number in range(1, ROUNDS + 1):
                taken.append(_undone(world, place, follower, events))
                say(f"round {number}/{ROUNDS}: {taken[-1][0]:.2f} s, of which {taken[-1][1]:.2f} s undo")
    whole, undo = (median(column) for column in zip(*taken, strict=True))
    return {
        "events": events,
        "blocks": BLOCKS,
        "seconds": round(whole, 2),
        "undo_seconds": round(undo, 2),
        "load": round(os.getloadavg()[0], 1),
        "bar": f"<= {BAR} s",
        "met": whole <= BAR,
        "unit": "s",
    }


def _undone(world: World, place: Place, follower: Follower, events: int) -> tuple[float, float]:
    """Seconds from the first step after the reorganisation to the new tip, and of the commit that undoes."""
    snapshot = world.chain.rpc("evm_snapshot")
    for number in range(BLOCKS):
        logs = events * (number + 1) // BLOCKS - events * number // BLOCKS
        world.move(logs, a_block=logs)
    follower.catch_up(world.head())
    before = _orphaned()
    world.chain.rpc("evm_revert", snapshot)
    world.chain.rpc("evm_increaseTime", 1)  # no new block is one of the old
    world.mine(BLOCKS + 1)
    head = world.head()
    with stopwatch() as elapsed:
        with _commits() as began:
            more = follower.step()
        if more:
            follower.catch_up(head)
    blocks, logs = (now - then for now, then in zip(_orphaned(), before, strict=True))
    if (blocks, logs) != (BLOCKS, events):
        raise RuntimeError(f"{logs} logs of {blocks} blocks were undone")
    require_whole(place)
    return elapsed(), began[1] - began[0]


@contextmanager
def _commits() -> Iterator[list[float]]:
    """When each commit of the leader's began: with the fence, its first statement. At last, when the block ended."""
    from django.db import connection

    began: list[float] = []

    def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if "core_enginestate" in statement:
            began.append(perf_counter())
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        yield began
    began.append(perf_counter())


def _orphaned() -> tuple[int, int]:
    """How many blocks and logs are not of the chain followed."""
    from apps.chain.models import Block, RawLog

    return Block.objects.filter(canonical=False).count(), RawLog.objects.filter(block__canonical=False).count()
