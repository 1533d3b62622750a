"""The node's chain left ours: back to the block both share, if no final block is in the way."""

import logging
from datetime import datetime

from apps.chain.errors import IncompleteAnswer
from apps.chain.fetching import Endpoint, fetch_headers
from apps.chain.models import Block, Reorganisation, StreamCursor
from apps.chain.services import holders
from apps.chain.services.cursors import halt, move_cursor
from apps.chain.services.finality import final_number
from apps.chain.services.orphaning import orphan_intents
from apps.core.daemon import Leadership
from apps.core.db import run_sql, unit_of_work

log = logging.getLogger(__name__)

REORG_BELOW_FINAL = "REORG_BELOW_FINAL"
HEADERS_AT_ONCE = 64

# A contract still being backfilled is backfilled again from where the chains part.
UNCOVER = """
    UPDATE chain_watchedcontract SET covered_to = GREATEST(from_block - 1, %s) WHERE NOT covered AND covered_to > %s
"""


def rewind(*, node: Endpoint, leadership: Leadership, cursor: StreamCursor, now: datetime) -> bool:
    """Mark our blocks above the common ancestor not canonical and put the cursor on it, in one commit.

    True if the stream can go on. Where the chains part below a final block, the stream halts and nothing else
    changes. What of ours was mined up there is on its way again. Raises CursorMoved or Deposed where another leader
    acted, IncompleteAnswer where the node has our block after all.
    """
    final = final_number()
    floor = cursor.first_number if final is None else final
    ancestor = _common_ancestor(node, floor, cursor.number)
    if ancestor is not None and ancestor.number == cursor.number:
        raise IncompleteAnswer(what="another block", number=cursor.number)
    with unit_of_work():
        leadership.fence()
        if ancestor is None:
            halt(cursor, reason=REORG_BELOW_FINAL)
            return False
        depth = cursor.number - ancestor.number
        holders.take_back(ancestor=ancestor, now=now)
        _record(cursor, ancestor, now)
        move_cursor(cursor, number=ancestor.number, hash_=ancestor.hash, now=now)
        run_sql("UPDATE chain_block SET canonical = false WHERE canonical AND number > %s", [ancestor.number])
        run_sql(UNCOVER, [ancestor.number, ancestor.number])
        orphan_intents()
    log.warning("chain reorganised", extra={"ancestor": ancestor.number, "depth": depth})
    return True


def _record(cursor: StreamCursor, ancestor: Block, now: datetime) -> None:
    """Numbered without gaps, by the one leader: the last number is how many there were."""
    last = Reorganisation.objects.order_by("-pk").values_list("pk", flat=True).first()
    Reorganisation.objects.create(
        id=(last or 0) + 1,
        ancestor_number=ancestor.number,
        ancestor_hash=ancestor.hash,
        tip_number=cursor.number,
        tip_hash=cursor.hash,
        at=now,
    )


def _common_ancestor(node: Endpoint, floor: int, top: int) -> Block | None:
    """Our highest canonical block, not below `floor`, that the node's chain holds too."""
    while top >= floor:
        bottom = max(floor, top - HEADERS_AT_ONCE + 1)
        theirs = {header.number: header.hash for header in fetch_headers(node, bottom, top)}
        ours = Block.objects.filter(canonical=True, number__gte=bottom, number__lte=top).order_by("-number")
        for block in ours:
            if theirs[block.number] == block.hash:
                return block
        top = bottom - 1
    return None
