"""The past of contracts watched late: their logs up to the cursor, before they count as covered.

Contracts that stand at the same height advance together, one range of logs a step. Blocks below the stream's
first one are fetched first, linked downward from it. The next logs are read while the last are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from apps.chain.errors import IncompleteAnswer
from apps.chain.fetching import Endpoint, all_logs, fetch_blocks, fetch_headers, first_that_fit
from apps.chain.models import Block, StreamCursor, WatchedContract
from apps.chain.services import holders
from apps.chain.services.ahead import OneAhead
from apps.chain.services.cursors import hold_cursor
from apps.chain.services.finality import CHANNEL, final_number
from apps.chain.services.preparing import Kinds, PreparedLogs, prepare
from apps.chain.services.reading import HEADERS_A_STEP
from apps.chain.services.storing import StoredBlock, store_blocks, store_logs
from apps.chain.services.tokens.layouts import CodeChange, code_changes, withdraw_layouts
from apps.chain.types import ContractKind, Finality
from apps.chain.wire import Header
from apps.core.daemon import Leadership
from apps.core.db import fetch_all, notify, unit_of_work

COVER = """
    UPDATE chain_watchedcontract SET covered_to = GREATEST(covered_to, %s), covered = %s
    WHERE address = ANY(%s) AND NOT covered
    RETURNING address, covered
"""
OF_HEADERS = (
    "number", "hash", "parent_hash", "timestamp", "state_root", "receipts_root", "logs_bloom", "gas_used",
)  # fmt: skip
HELD = "SELECT DISTINCT block_id FROM chain_rawlog WHERE block_id = ANY(%s) AND address = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Gap:
    """The contracts that are furthest behind, and the block up to which their logs are there."""

    number: int
    kinds: Kinds


@dataclass(frozen=True, slots=True)
class Past:
    """Blocks above a gap's, with the logs of its contracts."""

    headers: Sequence[Header]
    logs: PreparedLogs
    # Tokens among them that may have come to run other code.
    changes: Sequence[CodeChange] = ()

    def begins(self, headers: Sequence[Header]) -> bool:
        """Whether these are blocks that the stream has, from the first one on."""
        ours = [header.hash for header in headers[: len(self.headers)]]
        return ours == [header.hash for header in self.headers]


class PastAhead(OneAhead[Gap, Past]):
    """The next blocks of a gap, read while the last are stored: final ones, which no fork takes back."""

    def begin(self, node: Endpoint, gap: Gap, headers: Sequence[Header], final: int) -> None:
        """Ask for the logs of the first of these headers."""
        if chosen := [header for header in headers if header.number <= final]:
            self.ask(gap, partial(_read, node, chosen, gap.kinds, final))


def backfill(
    *, node: Endpoint, leadership: Leadership, cursor: StreamCursor, now: datetime, ahead: PastAhead | None = None
) -> bool:
    """Do one step for the contracts furthest behind; true if any contract is still not covered.

    Raises as `ingestion.advance` does.
    """
    behind = list(WatchedContract.objects.filter(covered=False).order_by("covered_to"))
    if not behind:
        return False
    lowest = behind[0].covered_to
    if lowest + 1 < cursor.first_number:
        _store_older_blocks(node, leadership, cursor, max(lowest + 1, cursor.first_number - HEADERS_A_STEP))
        return True
    gap = Gap(lowest, {each.address: ContractKind(each.kind) for each in behind if each.covered_to == lowest})
    others = [contract.covered_to for contract in behind if contract.covered_to > lowest]
    end = min([cursor.number, *others])
    width = min(HEADERS_A_STEP, node.limits.ranges.value)
    headers = _headers(lowest, min(end, lowest + width))
    final = final_number()
    final = -1 if final is None else final
    past = ahead.take(gap) if ahead else None
    if past is None or not past.begins(headers):
        past = _read(node, headers, gap.kinds, final)
    last = past.headers[-1].number if past.headers else min(end, lowest + width)
    if ahead and last < end:
        rest = headers[len(past.headers) :] or _headers(last, min(end, last + width))
        ahead.begin(node, Gap(last, gap.kinds), rest, final)
    _store(leadership, cursor, gap, past, last, now)
    return last < cursor.number or bool(others)


def _headers(above: int, last: int) -> list[Header]:
    blocks = Block.objects.filter(canonical=True, number__gt=above, number__lte=last)
    return [_header(row) for row in blocks.order_by("number").values_list(*OF_HEADERS)]


def _read(node: Endpoint, headers: Sequence[Header], kinds: Kinds, final: int) -> Past:
    """The first of these headers that fit one answer, with their logs. Raises as `fetch_blocks`."""
    chosen = first_that_fit(node, headers, kinds)
    logs = all_logs(fetch_blocks(node, chosen, kinds.keys(), final_number=final))
    return Past(chosen, prepare(logs, kinds), code_changes(logs, kinds))


def _store(leadership: Leadership, cursor: StreamCursor, gap: Gap, past: Past, last: int, now: datetime) -> None:
    """Keep the logs and move the contracts' coverage, in one commit. Raises CursorMoved or Deposed."""
    addresses = list(gap.kinds)
    with unit_of_work():
        leadership.fence()
        hold_cursor(cursor)
        store_logs(past.logs, _blocks_of(past, addresses), now=now)
        covered = fetch_all(COVER, [last, last >= cursor.number, addresses])
        holders.join(addresses=[address for address, is_whole in covered if is_whole])
        notify(CHANNEL)
        withdraw_layouts(changes=past.changes, now=now)


def _blocks_of(past: Past, addresses: Sequence[str]) -> dict[str, StoredBlock]:
    """The rows of the blocks that have logs, and whether any log of these contracts is there already."""
    ids = dict(Block.objects.filter(hash__in=list(past.logs.rows)).values_list("hash", "pk"))
    held = {row[0] for row in fetch_all(HELD, [list(ids.values()), [bytes.fromhex(each[2:]) for each in addresses]])}
    return {hash_: StoredBlock(id_, is_bare=id_ not in held) for hash_, id_ in ids.items()}


def _header(row: tuple[Any, ...]) -> Header:
    number, hash_, parent_hash, timestamp, state_root, receipts_root, filter_, gas_used = row
    return Header(
        number=number,
        hash=hash_,
        parent_hash=parent_hash,
        timestamp=int(timestamp.timestamp()),
        state_root=state_root,
        receipts_root=receipts_root,
        bloom=int.from_bytes(filter_, "big"),
        gas_used=gas_used,
    )


def _store_older_blocks(node: Endpoint, leadership: Leadership, cursor: StreamCursor, first: int) -> None:
    """Store the blocks from `first` up to the stream's first one, once that is final and names them its ancestors."""
    oldest = Block.objects.get(number=cursor.first_number, canonical=True)
    if oldest.finality != Finality.FINAL:
        return
    headers = fetch_headers(node, first, cursor.first_number - 1)
    if headers[-1].hash != oldest.parent_hash:
        raise IncompleteAnswer(what="older blocks do not link", number=headers[-1].number)
    with unit_of_work():
        leadership.fence()
        hold_cursor(cursor, first_number=first)
        store_blocks(headers, Finality.FINAL)
