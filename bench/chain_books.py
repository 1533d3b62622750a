"""What the product makes of the chain of `bench.chain_world`: followed by its engine, and held against the node."""

import time
from typing import Any

from bench.chain_world import Place

PATIENCE_SECONDS = 120.0
DONE = """
    SELECT (SELECT number FROM chain_streamcursor WHERE name = 'blocks') = %s
        AND (SELECT number FROM chain_streamcursor WHERE name = 'head') = %s
        AND (SELECT number FROM chain_streamcursor WHERE name = 'final')
            = (SELECT max(number) FROM chain_block WHERE finality = 'FINAL')
        AND NOT EXISTS (SELECT FROM chain_watchedcontract WHERE NOT covered)
"""
BALANCE_OF = "0x70a08231"


class Follower:
    """The ingester, leading."""

    def __init__(self) -> None:
        """Raises RuntimeError if another process leads."""
        from apps.chain.engines.ingester import Ingester
        from apps.core import clock
        from apps.core.daemon import elect

        leadership = elect(Ingester.name)
        if leadership is None:
            raise RuntimeError("another process leads the ingester")
        self._engine, self._leadership, self._now = Ingester(), leadership, clock.now
        self._engine.lead(leadership)

    def step(self) -> bool:
        """One step; true if more is waiting."""
        return self._engine.step(self._leadership, self._now())

    def catch_up(self, head: int) -> None:
        """Step until all is kept and folded up to the node's `head`, waiting as the engine does where a step cannot.

        Raises RuntimeError if that takes too long.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            if self.step():
                continue
            if _is_done(head):
                return
            if time.monotonic() > end:
                raise RuntimeError(f"not at block {head} after {PATIENCE_SECONDS} s")
            time.sleep(self._engine.poll_seconds)


def _is_done(head: int) -> bool:
    from apps.core.db import fetch_one

    return fetch_one(DONE, [head, head]) == (True,)


def watch(place: Place) -> None:
    """Have the token's logs kept, from its first block on."""
    from apps.chain.services import watching
    from apps.chain.types import ContractKind
    from apps.core import clock
    from apps.core.db import unit_of_work

    with unit_of_work():
        kind = ContractKind.SECURITY
        watching.watch(address=place.token, kind=kind, from_block=place.first_block, now=clock.now())


def uncover(place: Place) -> None:
    """Have all logs of the token fetched again, as if it were watched only now."""
    from apps.core.db import run_sql, unit_of_work

    with unit_of_work():
        statement = "UPDATE chain_watchedcontract SET covered = false, covered_to = from_block - 1 WHERE address = %s"
        run_sql(statement, [place.token])


def logs_kept(place: Place) -> int:
    """How many logs of the token are kept, and not orphaned. Raises RuntimeError if one is there twice."""
    from apps.core.db import fetch_all

    ((rows, places),) = fetch_all(
        """SELECT count(*), count(DISTINCT (l.block_number, l.log_index))
           FROM chain_rawlog l JOIN chain_block b ON b.id = l.block_id WHERE b.canonical AND l.address = %s""",
        [bytes.fromhex(place.token[2:])],
    )
    if rows != places:
        raise RuntimeError(f"{rows} logs in {places} places")
    return int(rows)


def require_whole(place: Place) -> None:
    """Raise RuntimeError unless all is kept and folded up to the node's head, as the token itself tells it."""
    from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD, STREAM
    from apps.chain.selectors.holders import held_at_final, held_at_head
    from apps.core.db import fetch_all

    cursors: dict[str, int] = dict(fetch_all("SELECT name, number FROM chain_streamcursor"))
    tags = _ask(place, [("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "finalized")])
    head, final = (int(block["number"], 16) for block in tags)
    expected = {STREAM: head, HEAD_FOLD: head, FINAL_FOLD: final}
    if cursors != expected:
        raise RuntimeError(f"cursors are at {cursors}, not {expected}")
    if (kept := logs_kept(place)) != place.logs:
        raise RuntimeError(f"{kept} logs are kept, the node has {place.logs}")
    for held, number in ((held_at_head, head), (held_at_final, final)):
        _require_balances(place, dict(held(place.token).by_wallet), number)


def _require_balances(place: Place, folded: dict[str, int], number: int) -> None:
    """Raise RuntimeError unless the balances folded are the sum of the logs kept, and the token's own of the sample."""
    from apps.chain.selectors.holdings import FOLD
    from apps.chain.types.events import ZERO_ADDRESS
    from apps.core.db import fetch_all

    summed = dict(fetch_all(FOLD, {"token": bytes.fromhex(place.token[2:]), "number": number}))
    summed.pop(ZERO_ADDRESS)
    if folded != summed:
        raise RuntimeError(f"balances at {number} are not the sum of the logs")
    if {wallet: folded.get(wallet, 0) for wallet in place.sample} != balances_of(place, number):
        raise RuntimeError(f"balances at {number} are not the token's")


def balances_of(place: Place, number: int) -> dict[str, int]:
    """The sample's balances after block `number`, as the token tells them."""
    data = [BALANCE_OF + wallet[2:].rjust(64, "0") for wallet in place.sample]
    answers = _ask(place, [("eth_call", ({"to": place.token, "data": each}, hex(number))) for each in data])
    return {wallet: int(answer, 16) for wallet, answer in zip(place.sample, answers, strict=True)}


def _ask(place: Place, calls: list[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    from apps.chain.gateway import Node
    from apps.core.devstack.layout import CHAIN_ID

    with Node(place.url, chain_id=CHAIN_ID) as node:
        return node.batch(calls)
