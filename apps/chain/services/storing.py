"""Blocks and logs into their tables, set-based. Storing again changes nothing."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.chain import bloom
from apps.chain.models import RawLog
from apps.chain.services.preparing import COLUMNS, PreparedLogs, Undecoded
from apps.chain.types import Finality
from apps.chain.wire import Header
from apps.core.db import as_columns, copy_lines, fetch_all, run_sql, within_unit_of_work

log = logging.getLogger(__name__)

STORE_BLOCKS = """
    INSERT INTO chain_block (number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom, gas_used,
                             canonical, finality)
    SELECT number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom, gas_used, true, %s
    FROM unnest(
        %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::bytea[], %s::bigint[]
    ) AS header(number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom, gas_used)
    ORDER BY number
    ON CONFLICT (hash) DO UPDATE SET canonical = true
    RETURNING id, hash, xmax = 0
"""

LOG_COLUMNS = ("block_id", *COLUMNS)
# One for the session, emptied by each commit: no catalogue churn.
INCOMING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming_log (
        block_id bigint, block_number bigint, log_index integer, tx_index integer, tx_hash bytea, address bytea,
        topics bytea, data bytea, effect text, sender bytea, recipient bytea, amount numeric
    ) ON COMMIT DELETE ROWS
"""
STORE_LOGS = """
    INSERT INTO chain_rawlog (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data,
                              effect, sender, recipient, amount)
    SELECT block_id, block_number, log_index, tx_index, tx_hash, address, topics, data,
           effect, sender, recipient, amount
    FROM incoming_log
    ON CONFLICT (block_id, log_index) DO NOTHING
"""
STORE_DEAD_LETTERS = """
    INSERT INTO chain_deadletter (block_id, block_number, log_index, address, reason, found_at)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::integer[], %s::text[], %s::text[], %s::timestamptz[])
    ON CONFLICT (block_id, log_index) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block's row, and whether no log of those to be stored can be there yet, as this unit of work knows."""

    id: int
    is_bare: bool


@within_unit_of_work
def store_blocks(headers: Sequence[Header], finality: Finality = Finality.OBSERVED) -> dict[str, StoredBlock]:
    """Make headers canonical blocks; their rows by hash. One orphaned earlier becomes canonical again."""
    columns = as_columns([_block_row(header) for header in headers], 8)
    found = fetch_all(STORE_BLOCKS, [finality.value, *columns])
    return {hash_: StoredBlock(id_, is_bare=is_new) for id_, hash_, is_new in found}


def _block_row(header: Header) -> tuple[Any, ...]:
    filter_ = header.bloom.to_bytes(bloom.BYTES, "big") if header.bloom else b""
    moment = datetime.fromtimestamp(header.timestamp, UTC)
    return (
        header.number, header.hash, header.parent_hash, moment, header.state_root, header.receipts_root, filter_,
        header.gas_used,
    )  # fmt: skip


@within_unit_of_work
def store_logs(logs: PreparedLogs, blocks: Mapping[str, StoredBlock], *, now: datetime) -> int:
    """Keep logs with their effects, and a dead letter for each that did not decode; the number of new logs.

    Those of bare blocks go straight into their table. At most once in a unit of work.
    """
    fresh, others = (_lines(logs, blocks, is_bare=is_bare) for is_bare in (True, False))
    stored = copy_lines(RawLog, LOG_COLUMNS, fresh) if fresh else 0
    if others:
        run_sql(INCOMING)
        copy_lines("incoming_log", LOG_COLUMNS, others)
        stored += run_sql(STORE_LOGS)
    if logs.undecoded:
        run_sql(STORE_DEAD_LETTERS, as_columns([_letter(each, blocks, now) for each in logs.undecoded], 6))
    return stored


def _lines(logs: PreparedLogs, blocks: Mapping[str, StoredBlock], *, is_bare: bool) -> list[str]:
    chosen = ((blocks[each], rows) for each, rows in logs.rows.items())
    return [f"{block.id}\t{row}" for block, rows in chosen if block.is_bare == is_bare for row in rows]


def _letter(found: Undecoded, blocks: Mapping[str, StoredBlock], now: datetime) -> tuple[Any, ...]:
    at = found.log
    log.warning("undecodable log", extra={"tx_hash": at.tx_hash, "log_index": at.log_index})
    return blocks[at.block_hash].id, at.block_number, at.log_index, at.address, found.reason[:200], now
