"""The past of contracts watched late: their logs up to the cursor, before they count as covered.

Contracts that stand at the same height advance together, one range of logs a step. Blocks below the stream's
first one are fetched first, linked downward from it.
"""

from datetime import datetime

from apps.chain.errors import IncompleteAnswer
from apps.chain.fetching import Endpoint, all_logs, fetch_blocks, fetch_headers, first_that_fit
from apps.chain.models import Block, StreamCursor, WatchedContract
from apps.chain.services import holders
from apps.chain.services.cursors import hold_cursor
from apps.chain.services.finality import CHANNEL, final_number
from apps.chain.services.preparing import prepare
from apps.chain.services.reading import HEADERS_A_STEP
from apps.chain.services.storing import StoredBlock, store_blocks, store_logs
from apps.chain.services.tokens.layouts import code_changes, withdraw_layouts
from apps.chain.types import ContractKind, Finality
from apps.chain.wire import Header
from apps.core.daemon import Leadership
from apps.core.db import fetch_all, notify, unit_of_work

COVER = """
    UPDATE chain_watchedcontract SET covered_to = GREATEST(covered_to, %s), covered = %s
    WHERE address = ANY(%s) AND NOT covered
    RETURNING address, covered
"""


def backfill(*, node: Endpoint, leadership: Leadership, cursor: StreamCursor, now: datetime) -> bool:
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
    group = [contract.address for contract in behind if contract.covered_to == lowest]
    others = [contract.covered_to for contract in behind if contract.covered_to > lowest]
    last = min([cursor.number, lowest + min(HEADERS_A_STEP, node.limits.ranges.value), *others])
    blocks = list(Block.objects.filter(canonical=True, number__gt=lowest, number__lte=last).order_by("number"))
    kinds = {contract.address: ContractKind(contract.kind) for contract in behind if contract.address in group}
    headers = first_that_fit(node, [_header(block) for block in blocks], group)
    last = headers[-1].number if headers else last
    final = final_number()
    fetched = fetch_blocks(node, headers, group, final_number=-1 if final is None else final)
    found = all_logs(fetched)
    logs = prepare(found, kinds)
    with unit_of_work():
        leadership.fence()
        hold_cursor(cursor)
        store_logs(logs, {block.hash: StoredBlock(block.pk, is_new=False) for block in blocks}, now=now)
        covered = fetch_all(COVER, [last, last >= cursor.number, group])
        holders.join(addresses=[address for address, is_whole in covered if is_whole])
        notify(CHANNEL)
        withdraw_layouts(changes=code_changes(found, kinds), now=now)
    return last < cursor.number or bool(others)


def _header(block: Block) -> Header:
    return Header(
        number=block.number,
        hash=block.hash,
        parent_hash=block.parent_hash,
        timestamp=int(block.timestamp.timestamp()),
        state_root=block.state_root,
        receipts_root=block.receipts_root,
        bloom=int.from_bytes(block.logs_bloom, "big"),
        gas_used=block.gas_used,
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
