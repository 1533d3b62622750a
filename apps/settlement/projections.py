"""The chain becomes books: final blocks, one unit of work for their effects and the cursor that passes them."""

import logging
from dataclasses import dataclass
from datetime import datetime

from apps.chain.selectors.contracts import addresses
from apps.chain.selectors.logs import FinalBlock, final_blocks_after
from apps.core.daemon import Deposed, Leadership
from apps.core.db import run_sql, unit_of_work, within_unit_of_work
from apps.settlement.explain import explain
from apps.settlement.models import ProjectionCursor
from apps.settlement.selectors.movements import CURSOR
from apps.settlement.services.booking import Booking
from apps.settlement.services.following import (
    SETTLEMENT_CONTRACT,
    Token,
    close_ended,
    follow,
    followed,
    past_of,
    unfollowed,
)
from apps.settlement.services.posting import book

log = logging.getLogger(__name__)

BLOCKS = 200
UNSTARTED = -1
_START = """
INSERT INTO settlement_projectioncursor (name, number, hash, moved_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO NOTHING
"""


class BrokenLink(Exception):
    """A final block does not follow the one before it: nothing may be concluded from it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the cursor stands: `number` and `hash` of the last block in the books."""

    number: int
    hash: str


def project_next(*, leadership: Leadership, now: datetime, limit: int = BLOCKS) -> bool:
    """Put the next final blocks into the books and move the cursor, all in one unit of work; true if more wait.

    A token that has just gone live is followed first, its past included. Raises Deposed, and
    nothing is written, if another worker has taken over.
    """
    with unit_of_work():
        leadership.fence()
        position = _position()
        if (contract := addresses().get(SETTLEMENT_CONTRACT)) is None:
            return False
        close_ended()
        for token in unfollowed():
            _follow(token, contract, position, now)
        tokens = followed()
        blocks = final_blocks_after(position.number, limit, [contract, *tokens])
        if not blocks:
            return False
        _require_linked(position, blocks)
        close_ended()  # an end is committed before any later block is final: these blocks know of it
        _book(blocks, contract, now)
        _move(position, blocks[-1], now)
    return len(blocks) == limit


def _position() -> Position:
    row = ProjectionCursor.objects.filter(pk=CURSOR).first()
    return Position(row.number, row.hash) if row else Position(UNSTARTED, "")


@within_unit_of_work
def _follow(token: Token, contract: str, position: Position, now: datetime) -> None:
    """From here on the token is followed; what the cursor passed before is booked now."""
    follow(token=token, cursor_number=position.number, now=now)
    log.info("token followed", extra={"asset": token.asset, "address": token.address, "block": position.number})
    _book(list(past_of(token, position.number)), contract, now, only=token.address)


@within_unit_of_work
def _book(blocks: list[FinalBlock], contract: str, now: datetime, only: str | None = None) -> None:
    tokens = {a: row for a, row in followed().items() if only in {None, a}}
    until = {address: row.until_block for address, row in tokens.items() if row.until_block is not None}
    logs = [
        entry
        for block, entries in blocks
        for entry in entries
        if block.number <= until.get(entry.address, block.number)
    ]
    if logs:
        meaning = explain(logs, settlement_contract=contract, tokens=frozenset(tokens))
        book(booking=Booking(meaning, tokens, {block.hash: block.timestamp for block, _ in blocks}), now=now)


def _require_linked(position: Position, blocks: list[FinalBlock]) -> None:
    """Final blocks are one chain without a gap, from the block the books stand at."""
    before = position
    for block, _ in blocks:
        if before.hash and (block.number != before.number + 1 or block.parent_hash != before.hash):
            raise BrokenLink(f"block {block.number} does not follow block {before.number}")
        before = Position(block.number, block.hash)


@within_unit_of_work
def _move(position: Position, last: FinalBlock, now: datetime) -> None:
    """Compare and set: whoever read an older position changes nothing."""
    block, _ = last
    to = {"number": block.number, "hash": block.hash, "moved_at": now}
    if position.number == UNSTARTED:
        # A second first worker waits here for the other's commit, and then finds the row taken.
        moved = run_sql(_START, [CURSOR, block.number, block.hash, now])
    else:
        moved = ProjectionCursor.objects.filter(pk=CURSOR, number=position.number, hash=position.hash).update(**to)
    if not moved:
        raise Deposed(CURSOR)
