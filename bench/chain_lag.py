"""Seconds from a block's being there at the node until its row is committed, and until its balances are folded.

A block a second with 20 token transfers in each. The ingester runs as `manage.py run_engines` runs it; a process beside
it looks every 5 ms at the node and at the books, so no lag is shown shorter than it is.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from bench.books import fresh_books, set_up
from bench.chain_books import require_whole, watch
from bench.chain_world import FINAL_AFTER, Place, World, token_world

NAME = "chain.lag"
BLOCKS, TRANSFERS, HOLDERS = 120, 20, 400
LOOK_SECONDS, PATIENCE_SECONDS = 0.005, 30.0
FULL = 0.9  # of the blocks, at least, hold all their transfers
ALLOWED = 0.5  # beside one poll of the engine
SEEN = """
    SELECT (SELECT max(number) FROM chain_block WHERE canonical),
        (SELECT number FROM chain_streamcursor WHERE name = 'head')
"""

# By height, when it was first there.
Times = dict[int, float]


def report(say: Callable[[str], None], *, blocks: int = BLOCKS) -> dict[str, Any]:
    """Percentiles of both lags."""
    with token_world(holders=HOLDERS, slots_in_an_epoch=1, say=say) as world:
        world.mine(FINAL_AFTER)
        set_up()
        from apps.chain.engines.ingester import Ingester

        with fresh_books():
            watch(world.place())
            with running(Ingester()):
                node, kept, folded = _observed(world, blocks)
            require_whole(_require_full(world, blocks))
    lags, folds = ([late[number] - node[number] for number in sorted(node)] for late in (kept, folded))
    (p50, p99), bar = _cuts(lags), Ingester.poll_seconds + ALLOWED
    return {
        "blocks": len(lags),
        "lag_p50": p50,
        "lag_p99": p99,
        "lag_max": round(max(lags), 3),
        "folded_p99": _cuts(folds)[1],
        "load": round(os.getloadavg()[0], 1),
        "bar_lag_p99": bar,
        "met": p99 <= bar,
        "unit": "s",
    }


def _cuts(lags: list[float]) -> tuple[float, float]:
    cuts = quantiles(lags, n=100, method="inclusive")
    return round(cuts[49], 3), round(cuts[98], 3)


@contextmanager
def running(engine: Any) -> Iterator[None]:
    """The engine runs as `manage.py run_engines` runs it."""
    from apps.core.daemon import run_engine

    stop = threading.Event()
    thread = threading.Thread(target=run_engine, args=(engine, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _observed(world: World, blocks: int) -> tuple[Times, Times, Times]:
    """When each of so many blocks was at the node, kept and folded, while the node mines one a second."""
    from django.db import connection

    _wait(lambda: _is_kept(world.head()))
    settings = connection.get_connection_params()
    database = {name: settings[name] for name in ("host", "port", "dbname", "user", "password") if name in settings}
    numbers = range(world.head() + 1, world.head() + 1 + blocks)
    with get_context("spawn").Pool(1) as pool:
        pool.apply(_note, ({}, numbers, 0))  # it is there before the first block is
        observed = pool.apply_async(look, (world.url, database, numbers))
        world.chain.rpc("evm_setIntervalMining", 1)
        for number in numbers:
            world.send_moves(TRANSFERS)
            _wait(lambda number=number: world.head() >= number)
        world.chain.rpc("evm_setIntervalMining", 0)
        times: tuple[Times, Times, Times] = observed.get(PATIENCE_SECONDS)
    _wait(lambda: _is_kept(world.head()))
    return times


def _require_full(world: World, blocks: int) -> Place:
    """The chain as it is now. Raises RuntimeError unless nearly all blocks hold all their transfers.

    On a loaded machine the node mines some before all of theirs have come; the next holds the rest.
    """
    place = world.place()
    full = [number for number, logs in world.counted.items() if logs == TRANSFERS]
    if len(full) < FULL * blocks:
        raise RuntimeError(f"{len(full)} of {blocks} blocks hold {TRANSFERS} transfers each")
    return place


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not until():
        if time.monotonic() > end:
            raise RuntimeError(f"nothing happened for {PATIENCE_SECONDS} s")
        time.sleep(0.02)


def _is_kept(number: int) -> bool:
    from apps.core.db import fetch_one

    return fetch_one(SEEN) == (number, number)


def look(url: str, database: dict[str, Any], numbers: range) -> tuple[Times, Times, Times]:
    """A process: when each of the blocks was first at the node, kept, and folded."""
    import psycopg2

    from apps.core.devstack.anvil import call

    connection, port = psycopg2.connect(**database), urlsplit(url).port or 0
    connection.autocommit = True
    found: tuple[Times, Times, Times] = ({}, {}, {})
    with connection.cursor() as cursor:
        while any(numbers[-1] not in times for times in found):
            _note(found[0], numbers, int(call(port, "eth_blockNumber"), 16))
            cursor.execute(SEEN)
            for times, reached in zip(found[1:], cursor.fetchone(), strict=True):
                _note(times, numbers, reached)
            time.sleep(LOOK_SECONDS)
    connection.close()
    return found


def _note(times: Times, numbers: range, reached: int) -> None:
    """The blocks up to `reached` are there now, if they were not before."""
    now = time.monotonic()
    for number in range(max(times, default=numbers[0] - 1) + 1, min(reached, numbers[-1]) + 1):
        times[number] = now
