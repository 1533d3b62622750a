"""The stream of blocks: headers linked by parent hash, logs with them, and a cursor that moves in their commit.

One call of `advance` is one bounded step. It follows the node's chain upward; where the node's chain left ours it
rewinds to the common ancestor, marking blocks as not canonical and deleting nothing; a disagreement about a final
block halts the stream until a person decides. A node behind ours is never a reason to rewind.
"""

from datetime import datetime

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.errors import NodeBehind
from apps.chain.fetching import Endpoint, Tip, fetch_headers, fetch_tip
from apps.chain.models import StreamCursor, WatchedContract
from apps.chain.selectors.blocks import STREAM
from apps.chain.selectors.watched import watched_kinds
from apps.chain.services import backfilling, discovery, finality, holders, reorganisation
from apps.chain.services.backfilling import PastAhead
from apps.chain.services.cursors import move_cursor
from apps.chain.services.finality import FinalPoint, final_point
from apps.chain.services.reading import HEADERS_A_STEP, Ahead, Batch, Place, read_batch
from apps.chain.services.recognising import recognise
from apps.chain.services.storing import store_blocks, store_logs
from apps.chain.services.tokens.layouts import withdraw_layouts
from apps.chain.wire import Header
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work


def advance(
    *,
    node: Endpoint,
    leadership: Leadership,
    now: datetime,
    tip: Tip | None = None,
    others: Others = NOBODY,
    ahead: Ahead | None = None,
    past: PastAhead | None = None,
) -> bool:
    """Do one step of the stream; true if more is waiting. `tip` is the node's, if it was just read.

    With `ahead` and `past` what the next step needs is read meanwhile. Raises Deposed or CursorMoved where another
    leader acted (nothing of the step is kept), and ChainUnavailable, NodeBehind, NodePruned, IncompleteAnswer or
    RpcError where the node's answers do not suffice.
    """
    cursor = StreamCursor.objects.filter(name=STREAM).first()
    tip = tip or fetch_tip(node)
    point = final_point(tip, others, name=node.name)
    if cursor is None:
        return _begin(node, leadership, point, now)
    if cursor.halted:
        return False
    if tip.head.number < cursor.number:
        raise NodeBehind(node_head=tip.head.number, head=cursor.number)
    final_number = point.number if point else -1
    place = Place(cursor.number, cursor.hash, watched_kinds(whole=True))
    batch = ahead.take(place) if ahead else None
    if batch is None:
        headers = _headers_from(node, cursor, tip)
        if headers[0].hash != cursor.hash:
            if others.keep(cursor.number, cursor.hash):
                return True
            return reorganisation.rewind(node=node, leadership=leadership, cursor=cursor, now=now)
        batch = read_batch(node, headers[1:], place.kinds, final_number=final_number) if headers[1:] else None
    if batch:
        if ahead:
            ahead.begin(node, batch.end(place.kinds), batch.spare, final_number=final_number)
        _extend(leadership, cursor, batch, now)
    finality.finalise(leadership=leadership, cursor=cursor, point=point, name=node.name)
    behind = backfilling.backfill(node=node, leadership=leadership, cursor=cursor, now=now, ahead=past)
    waiting = cursor.number < tip.head.number
    return holders.follow(leadership=leadership, now=now, whole=not waiting) or behind or waiting


def _begin(node: Endpoint, leadership: Leadership, point: FinalPoint | None, now: datetime) -> bool:
    """Start at the oldest contract's first block, never above the final one: what is older is backfilled."""
    recognise(node=node, now=now)
    if point is None:
        return False
    oldest = WatchedContract.objects.order_by("from_block").values_list("from_block", flat=True).first()
    number = point.number if oldest is None else min(oldest, point.number)
    (first,) = fetch_headers(node, number, number)
    with unit_of_work():
        leadership.fence()
        store_blocks([first])
        StreamCursor.objects.create(
            name=STREAM, number=number, hash=first.hash, first_number=number, halted="", moved_at=now
        )
    return True


def _headers_from(node: Endpoint, cursor: StreamCursor, tip: Tip) -> list[Header]:
    """The node's header at the cursor's height, and those above it that fit one step."""
    if tip.head.number == cursor.number:
        return [tip.head]
    width = min(HEADERS_A_STEP - 1, node.limits.receipts.value)
    return fetch_headers(node, cursor.number, min(cursor.number + width, tip.head.number))


def _extend(leadership: Leadership, cursor: StreamCursor, batch: Batch, now: datetime) -> None:
    """Store the next blocks with their logs and move the cursor, in one commit."""
    last = batch.headers[-1]
    with unit_of_work():
        leadership.fence()
        move_cursor(cursor, number=last.number, hash_=last.hash, now=now)
        store_logs(batch.logs, store_blocks(batch.headers), now=now)
        discovery.watch_discovered(batch.found, now=now)
        withdraw_layouts(changes=batch.changes, now=now)
