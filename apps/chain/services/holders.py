"""Balances as they follow from the logs: at the head, where orphaned blocks are compensated, and at the final block.

Each of the two has a cursor of its own and moves in the commit that moves it, many blocks at once where it catches up.
Only contracts whose past is whole are folded: one that becomes whole joins with all its past, up to each cursor.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from apps.chain.models import Block, HolderBalance, StreamCursor, TokenSupply, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD
from apps.chain.services.cursors import move_cursor
from apps.chain.types import BlockView, Finality
from apps.chain.types.events import ZERO_ADDRESS
from apps.core.daemon import Leadership
from apps.core.db import run_sql, unit_of_work, within_unit_of_work

BLOCKS_A_STEP = 500
ZERO = bytes.fromhex(ZERO_ADDRESS[2:])

# What is given and what is received are summed apart, then by wallet: a row for every log would be three times as dear.
# Where that is done by sorting, the wallet tells more than the token, so it is compared first.
# {at_head} and {at_final} say to which balances an effect belongs. Units that come from nowhere are supply.
FOLD = """
    WITH effects AS NOT MATERIALIZED (
        SELECT e.token, e.effect, e.sender, e.recipient, e.amount, {at_head} AS at_head, {at_final} AS at_final
        FROM chain_effect e WHERE {which}
    ), entry AS (
        SELECT token, sender AS wallet, at_head, at_final, -sum(amount) AS units, 0 AS frozen
        FROM effects WHERE effect = 'M' GROUP BY sender, token, at_head, at_final
        UNION ALL
        SELECT token, recipient, at_head, at_final, sum(amount), 0
        FROM effects WHERE effect = 'M' GROUP BY recipient, token, at_head, at_final
        UNION ALL
        SELECT token, recipient, at_head, at_final, 0, sum(CASE effect WHEN 'F' THEN amount ELSE -amount END)
        FROM effects WHERE effect <> 'M' GROUP BY recipient, token, at_head, at_final
    ), changed AS (
        SELECT token, wallet,
            %(sign)s * coalesce(sum(units) FILTER (WHERE at_head), 0) AS head,
            %(sign)s * coalesce(sum(units) FILTER (WHERE at_final), 0) AS final,
            %(sign)s * coalesce(sum(frozen) FILTER (WHERE at_head), 0) AS frozen_head,
            %(sign)s * coalesce(sum(frozen) FILTER (WHERE at_final), 0) AS frozen_final
        FROM entry GROUP BY wallet, token
    ), supply AS (
        INSERT INTO chain_tokensupply AS held (token, head, final)
        SELECT token, -head, -final FROM changed WHERE wallet = %(zero)s AND (head <> 0 OR final <> 0) ORDER BY token
        ON CONFLICT (token) DO UPDATE SET head = held.head + EXCLUDED.head, final = held.final + EXCLUDED.final
    )
    INSERT INTO chain_holderbalance AS held (token, wallet, head, final, frozen_head, frozen_final)
    SELECT token, wallet, head, final, frozen_head, frozen_final FROM changed
    WHERE wallet <> %(zero)s AND (head <> 0 OR final <> 0 OR frozen_head <> 0 OR frozen_final <> 0)
    ORDER BY token, wallet
    ON CONFLICT (token, wallet) DO UPDATE SET head = held.head + EXCLUDED.head, final = held.final + EXCLUDED.final,
        frozen_head = held.frozen_head + EXCLUDED.frozen_head, frozen_final = held.frozen_final + EXCLUDED.frozen_final
"""
FOLD_BLOCKS = FOLD.format(
    at_head="%(head)s", at_final="%(final)s", which="e.block_id = ANY(%(blocks)s) AND e.token = ANY(%(tokens)s)"
)
# As far as each of the two has been folded, up to and including those blocks.
REACHED = """
    e.token = ANY(%(tokens)s) AND e.block_number <= greatest(%(head)s, %(final)s)
    AND e.block_id NOT IN (SELECT id FROM chain_block WHERE NOT canonical)
"""
REACHES = {"at_head": "e.block_number <= %(head)s", "at_final": "e.block_number <= %(final)s"}
FOLD_TOKENS = FOLD.format(**REACHES, which=REACHED)
FOLD_LOGS = FOLD.format(**REACHES, which=f"e.log_id = ANY(%(logs)s) AND {REACHED}")
TURN = """
    INSERT INTO chain_blockeffect (block_id, turn, at)
    SELECT b.id, coalesce((SELECT max(t.turn) FROM chain_blockeffect t WHERE t.block_id = b.id), 0) + 1, %s
    FROM unnest(%s::bigint[]) b (id)
"""


def follow(*, leadership: Leadership, now: datetime, whole: bool) -> bool:
    """Add the next blocks to the balances at the head and at the final block; true if more are waiting.

    Unless the stream is `whole` only many at once: while it catches up nobody asks for balances.
    """
    if not whole and not _are_many_waiting():
        return False
    folds = [fold(leadership=leadership, now=now) for fold in (follow_head, follow_final)]
    return any(folds)


def _are_many_waiting() -> bool:
    at, reached = _cursor(HEAD_FOLD), _cursor(blocks.STREAM)
    return at is not None and reached is not None and reached.number - at.number >= BLOCKS_A_STEP


def follow_head(*, leadership: Leadership, now: datetime) -> bool:
    """Add the next canonical blocks to the balances at the head; true if more are waiting. Raises CursorMoved."""
    cursor = _cursor(HEAD_FOLD) or _begin(HEAD_FOLD, blocks.head(), leadership, now)
    if cursor is None:
        return False
    found = list(_after(cursor).filter(canonical=True)[:BLOCKS_A_STEP])
    if not found:
        return False
    with unit_of_work():
        leadership.fence()
        _add(cursor, found, now)
        _count_turns([block.pk for block in found], now)
    return len(found) == BLOCKS_A_STEP


def follow_final(*, leadership: Leadership, now: datetime) -> bool:
    """Add the next final blocks to the final balances; true if more are waiting. Raises CursorMoved."""
    cursor = _cursor(FINAL_FOLD) or _begin(FINAL_FOLD, blocks.final_head(), leadership, now)
    if cursor is None:
        return False
    found = list(_after(cursor).filter(finality=Finality.FINAL)[:BLOCKS_A_STEP])
    if not found:
        return False
    with unit_of_work():
        leadership.fence()
        _add(cursor, found, now)
    return len(found) == BLOCKS_A_STEP


def _cursor(name: str) -> StreamCursor | None:
    return StreamCursor.objects.filter(name=name).first()


def _begin(name: str, at: BlockView | None, leadership: Leadership, now: datetime) -> StreamCursor | None:
    """Fold everything up to a block that is stored, and begin there; nothing before the first block."""
    if at is None:
        return None
    with unit_of_work():
        leadership.fence()
        # From the first block on: a reorganisation may take it back below where it begins.
        place = {"number": at.number, "first_number": 0, "hash": at.hash}
        cursor = StreamCursor.objects.create(name=name, halted="", moved_at=now, **place)
        _fold_past([cursor], _whole())
        if name == HEAD_FOLD:
            _count_turns(_reversible(at.number), now)
    return cursor


def _reversible(number: int) -> list[int]:
    """Canonical blocks up to this one that may still be orphaned."""
    found = Block.objects.filter(canonical=True, number__lte=number).exclude(finality=Finality.FINAL)
    return list(found.values_list("pk", flat=True))


def _count_turns(blocks: list[int], now: datetime) -> None:
    run_sql(TURN, [now, blocks])


@within_unit_of_work
def take_back(*, ancestor: Block, now: datetime) -> None:
    """Take the canonical blocks above `ancestor` out of the balances at the head, before they are orphaned."""
    cursor = StreamCursor.objects.select_for_update().filter(name=HEAD_FOLD).first()
    if cursor is None or cursor.number <= ancestor.number:
        return
    above = Block.objects.filter(canonical=True, number__gt=ancestor.number, number__lte=cursor.number)
    ids = list(above.order_by("number").values_list("pk", flat=True))
    _fold_blocks(HEAD_FOLD, ids, sign=-1)
    _count_turns(ids, now)
    move_cursor(cursor, number=ancestor.number, hash_=ancestor.hash, now=now)


@within_unit_of_work
def join(*, addresses: Sequence[str]) -> None:
    """Fold all the past of contracts that have just become whole, up to each cursor, and nothing of before."""
    HolderBalance.objects.filter(token__in=addresses).delete()
    TokenSupply.objects.filter(token__in=addresses).delete()
    _fold_past(_folds(), [_bytes(address) for address in addresses])


@within_unit_of_work
def fold_late(*, logs: Sequence[int]) -> None:
    """Fold the effects of logs that were read late, as far as their blocks have been folded. Once for a log."""
    run_sql(FOLD_LOGS, {"logs": list(logs), **_asked(_whole()), **_reached(_folds())})


def _fold_past(cursors: Sequence[StreamCursor], tokens: list[bytes]) -> None:
    if tokens:
        run_sql(FOLD_TOKENS, {**_asked(tokens), **_reached(cursors)})


def _fold_blocks(name: str, ids: list[int], *, sign: int = 1) -> None:
    columns = {"head": name == HEAD_FOLD, "final": name == FINAL_FOLD}
    run_sql(FOLD_BLOCKS, {"blocks": ids, **columns, **_asked(_whole(), sign)})


def _asked(tokens: list[bytes], sign: int = 1) -> dict[str, object]:
    return {"tokens": tokens, "zero": ZERO, "sign": sign}


def _reached(cursors: Sequence[StreamCursor]) -> dict[str, int]:
    """How far each fold is, before all blocks where it has not begun."""
    numbers = {cursor.name: cursor.number for cursor in cursors}
    return {"head": numbers.get(HEAD_FOLD, -1), "final": numbers.get(FINAL_FOLD, -1)}


def _after(cursor: StreamCursor) -> QuerySet[Block]:
    return Block.objects.filter(number__gt=cursor.number).order_by("number").only("number", "hash")


def _add(cursor: StreamCursor, found: Sequence[Block], now: datetime) -> None:
    _fold_blocks(cursor.name, [block.pk for block in found])
    move_cursor(cursor, number=found[-1].number, hash_=found[-1].hash, now=now)


def _folds() -> list[StreamCursor]:
    """Both cursors, which stay where they are until the commit."""
    folds = StreamCursor.objects.select_for_update().filter(name__in=(HEAD_FOLD, FINAL_FOLD))
    return list(folds.order_by("name"))


def _whole() -> list[bytes]:
    return [
        _bytes(address) for address in WatchedContract.objects.filter(covered=True).values_list("address", flat=True)
    ]


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])
