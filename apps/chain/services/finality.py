"""Observed blocks become final by the node's `finalized` tag, where its hash is ours."""

import logging

from apps.chain.fetching import Tip
from apps.chain.models import Block, StreamCursor
from apps.chain.types import Finality
from apps.core.daemon import Leadership
from apps.core.db import notify, run_sql, unit_of_work

log = logging.getLogger(__name__)

CHANNEL = "chain_blocks"
BLOCKS_A_STEP = 10_000

FINALISE = """
    UPDATE chain_block SET finality = 'FINAL'
    WHERE canonical AND finality = 'OBSERVED' AND number > %s AND number <= %s
"""


def finalise(*, leadership: Leadership, cursor: StreamCursor, tip: Tip) -> None:
    """Mark canonical blocks final up to the node's final one, and wake those who wait for final blocks.

    A final number lower than ours is a node that lags: nothing is ever made unfinal.
    """
    final = tip.final
    if final is None or final.number > cursor.number:
        return
    known = final_number()
    start = cursor.first_number - 1 if known is None else known
    if final.number <= start:
        return
    if not Block.objects.filter(number=final.number, canonical=True, hash=final.hash).exists():
        log.warning("final block is not ours", extra={"number": final.number})
        return
    with unit_of_work():
        leadership.fence()
        run_sql(FINALISE, [start, min(final.number, start + BLOCKS_A_STEP)])
        notify(CHANNEL)


def final_number() -> int | None:
    """The number of the newest final block stored."""
    finals = Block.objects.filter(finality=Finality.FINAL).order_by("-number")
    return finals.values_list("number", flat=True).first()
