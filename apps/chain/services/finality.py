"""Observed blocks become final by the chain's policy, over all nodes that are well, where the hashes are ours.

One node's word makes nothing final that another does not call final yet, nor what has too few blocks on top.
"""

import logging
from dataclasses import dataclass

from django.conf import settings

from apps.chain.endpoints.others import Others
from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching import Tip
from apps.chain.gateway import Node
from apps.chain.models import Block, StreamCursor
from apps.chain.types import Finality
from apps.chain.wire import read_header
from apps.core.daemon import Leadership
from apps.core.db import notify, run_sql, unit_of_work

log = logging.getLogger(__name__)

CHANNEL = "chain_blocks"
BLOCKS_A_STEP = 10_000

FINALISE = """
    UPDATE chain_block SET finality = 'FINAL', final_by = %s
    WHERE canonical AND finality = 'OBSERVED' AND number > %s AND number <= %s
"""


@dataclass(frozen=True, slots=True)
class FinalPoint:
    """Up to where blocks are final, and which blocks the nodes name: by the node's name, (number, hash)."""

    number: int
    named: dict[str, tuple[int, str]]


def final_point(tip: Tip, others: Others, *, name: str) -> FinalPoint | None:
    """What the chain's policy makes of the tip of the node `name` and of those beside it; None if nothing is final."""
    policy = settings.SECURITY.chain.finality
    sights = others.sights()
    if policy.mode != "TAG":
        lowest = min([tip.head.number, *(sight.head for sight in sights)])
        number = lowest - (policy.depth if policy.mode == "DEPTH" else 0)
        return FinalPoint(number, {}) if number >= 0 else None
    if tip.final is None:
        return None
    named = {name: (tip.final.number, tip.final.hash)}
    named |= {each.name: (each.final, each.final_hash or "") for each in sights if each.final is not None}
    number = min(tip.head.number - policy.min_depth, *(number for number, _ in named.values()), tip.final.number)
    return FinalPoint(max(number, 0), named)


def require_modest(node: Node, tip: Tip) -> None:
    """Raise IncompleteAnswer where the node calls a block final that the chain's policy cannot.

    A tip is not read at one instant: what it contradicts is asked again, the final block before the head.
    """
    policy = settings.SECURITY.chain.finality
    if policy.mode != "TAG" or tip.final is None or _is_modest(tip.final.number, tip.head.number, policy.min_depth):
        return
    final = node.batch([("eth_getBlockByNumber", ("finalized", False))])[0]
    head = read_header(node.call("eth_getBlockByNumber", "latest", False)).number
    if final is None or isinstance(final, RpcError):
        return
    if not _is_modest(number := read_header(final).number, head, policy.min_depth):
        raise IncompleteAnswer(what="final block above the policy's", number=number)


def _is_modest(final: int, head: int, least: int) -> bool:
    return final <= max(0, head - least)


def finalise(*, leadership: Leadership, cursor: StreamCursor, point: FinalPoint | None, name: str) -> None:
    """Mark canonical blocks final up to the point, and wake those who wait for final blocks.

    A point lower than ours is a node that lags: nothing is ever made unfinal. Raises IncompleteAnswer where the
    node `name` itself, on whose chain our cursor is, names another block.
    """
    if point is None or point.number > cursor.number:
        return
    known = final_number()
    start = cursor.first_number - 1 if known is None else known
    if point.number <= start:
        return
    if strangers := _who_names_another(point, cursor):
        log.warning("final block is not ours", extra={"number": point.number, "endpoints": strangers})
        if name in strangers:
            raise IncompleteAnswer(what="final block is not ours", number=point.named[name][0])
        return
    with unit_of_work():
        leadership.fence()
        mode = str(settings.SECURITY.chain.finality.mode)
        run_sql(FINALISE, [mode, start, min(point.number, start + BLOCKS_A_STEP)])
        notify(CHANNEL)


def _who_names_another(point: FinalPoint, cursor: StreamCursor) -> list[str]:
    """The nodes whose final block is not the one we store at its height, as far as we have stored."""
    reached = {name: place for name, place in point.named.items() if place[0] <= cursor.number}
    numbers = [number for number, _ in reached.values() if number >= cursor.first_number]
    ours = dict(Block.objects.filter(number__in=numbers, canonical=True).values_list("number", "hash"))
    return [name for name, (number, hash_) in sorted(reached.items()) if ours.get(number, hash_) != hash_]


def final_number() -> int | None:
    """The number of the newest final block stored."""
    finals = Block.objects.filter(finality=Finality.FINAL).order_by("-number")
    return finals.values_list("number", flat=True).first()
