"""Seconds of the hourly run of a security with 1,000,000 positions, of which 10,000 have changed since the last.

Units of 5,000 holders went to 5,000 others, in a block of its own, on the chain and in the books alike. The run looks
at these positions, at the new logs and postings one by one, and at the token's states. The peer is the nightly run,
which looks at all positions and all entries.
"""

import os
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.books import fresh_books, set_up
from bench.positions_world import positions_world
from bench.reconciliation_diff import run_once

NAME = "reconciliation.hourly"
POSITIONS, CHANGED, ROUNDS = 1_000_000, 10_000, 3
BAR_SECONDS = 2.0


def report(say: Callable[[str], None], *, positions: int = POSITIONS) -> dict[str, Any]:
    """The median seconds of an hourly run, and of the nightly one."""
    with positions_world(positions) as world:
        set_up()
        with fresh_books():
            world.write()
            say(f"{positions:,} positions are written")
            nightly = run_once("CLEAN")
            taken = []
            for number in range(1, ROUNDS + 1):
                world.move(CHANGED // 2)
                taken.append(run_once("CLEAN", incremental=True))
                _require_looked_at()
                say(f"round {number}/{ROUNDS}: {taken[-1]:.2f} s, nightly {nightly:.2f} s")
    return {
        "positions": positions,
        "changed": CHANGED,
        "seconds": round(median(taken), 2),
        "nightly_seconds": round(nightly, 2),
        "load": round(os.getloadavg()[0], 1),
        "bar": f"<= {BAR_SECONDS} s",
        "met": median(taken) <= BAR_SECONDS,
        "unit": "s",
    }


def _require_looked_at() -> None:
    from apps.reconciliation.models import Run

    run = Run.objects.order_by("-pk").first()
    if run is None or run.whole or run.wallets != CHANGED:
        raise RuntimeError(f"the run looked at {run.wallets if run else 0} wallets")
