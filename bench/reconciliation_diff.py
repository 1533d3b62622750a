"""Seconds in which 1,000,000 positions are compared, 200 planted differences found, and run and breaks written.

Books, logs and their fold are rows made by SQL, which is not measured. One nightly run of a security follows: the
ledger's balances against all its entries, positions against the fold of the final logs at one block, causes, totals,
states and the node's confirmation. It must name each planted difference and nothing else. `first_seconds` is the first
run of all, before anything is planted: it also holds every log against every posting, which no later run repeats.

The peer does what a script over the ORM does: both sides into dictionaries, and a comparison wallet by wallet; it looks
for no cause and writes nothing. `memory_mb` is the most this process held.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.books import fresh_books, set_up
from bench.chain_backfill import most_held
from bench.measure import stopwatch
from bench.positions_world import ISIN, Positions, expected, positions_world

NAME = "reconciliation.diff"
POSITIONS, BREAKS = 1_000_000, 200
BAR_SECONDS, BAR_MEGABYTES = 10.0, 1_024


def report(say: Callable[[str], None], *, positions: int = POSITIONS) -> dict[str, Any]:
    """Seconds of the run that finds the planted differences, and of the first and another clean one before it."""
    with positions_world(positions) as world:
        set_up()
        with fresh_books():
            world.write()
            say(f"{positions:,} positions are written")
            first, clean = run_once("CLEAN"), run_once("CLEAN")
            world.plant(BREAKS)
            taken = run_once("BREAKS")
            held = most_held()
            say(f"first {first:.2f} s, clean {clean:.2f} s, with {BREAKS} differences {taken:.2f} s")
            _require_all_found()
            peer = _peer(world)
    return {
        "positions": positions,
        "breaks": BREAKS,
        "seconds": round(taken, 2),
        "clean_seconds": round(clean, 2),
        "first_seconds": round(first, 2),
        "positions_per_second": round(positions / taken),
        "peer_seconds": round(peer, 2),
        "memory_mb": round(held),
        "load": round(os.getloadavg()[0], 1),
        "bars": {"seconds": BAR_SECONDS, "memory_mb": BAR_MEGABYTES},
        "met": taken <= BAR_SECONDS and held <= BAR_MEGABYTES,
        "unit": "s",
    }


def run_once(status: str, *, incremental: bool = False) -> float:
    """Seconds of one run. Raises RuntimeError if it ends otherwise than foreseen."""
    from apps.chain.services.nodes import all_nodes
    from apps.core import clock
    from apps.core.actor import system_actor
    from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder

    order = RunOrder(incremental=incremental)
    with all_nodes() as nodes, stopwatch() as elapsed:
        run = ReconciliationEngine(nodes).reconcile(isin=ISIN, actor=system_actor(), now=clock.now(), order=order)
    if run.status != status:
        raise RuntimeError(f"the run ended {run.status}: {run.problems} {run.breaks[:3]}")
    return elapsed()


def _require_all_found() -> None:
    from apps.reconciliation.models import Break

    found = sorted(Counter(Break.objects.filter(state="OPEN").values_list("kind", flat=True)).items())
    if found != list(expected(BREAKS)):
        raise RuntimeError(f"other breaks than planted: {found}")


def _peer(world: Positions) -> float:
    """Seconds of a comparison in dictionaries."""
    from apps.chain.models import HolderBalance
    from apps.ledger.models import LedgerBalance

    with stopwatch() as elapsed:
        rows = LedgerBalance.objects.filter(account__asset=ISIN, account__kind="POSITION")
        books = dict(rows.values_list("account__wallet_address", "posted"))
        chain = dict(HolderBalance.objects.filter(token=world.token).values_list("wallet", "final"))
        differing = [wallet for wallet in {*books, *chain} if books.get(wallet, 0) != chain.get(wallet, 0)]
    if len(differing) < BREAKS:
        raise RuntimeError(f"only {len(differing)} wallets differ")
    return elapsed()
