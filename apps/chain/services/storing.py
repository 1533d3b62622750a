"""Blocks and logs into their tables, set-based. Storing again changes nothing."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from apps.chain import bloom, codec
from apps.chain.types import Finality, Transfer
from apps.chain.wire import Header, WireLog
from apps.core.db import as_columns, copy_rows, fetch_all, run_sql, within_unit_of_work

log = logging.getLogger(__name__)

STORE_BLOCKS = """
    INSERT INTO chain_block (number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom,
                             canonical, finality)
    SELECT number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom, true, %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::bytea[])
        AS header(number, hash, parent_hash, timestamp, state_root, receipts_root, logs_bloom)
    ORDER BY number
    ON CONFLICT (hash) DO UPDATE SET canonical = true
    RETURNING id, hash
"""

# One for the session, emptied by each commit: no catalogue churn.
INCOMING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming_log (
        block_id bigint, block_number bigint, log_index integer, tx_index integer, tx_hash bytea, address bytea,
        topics bytea, data bytea, sender bytea, recipient bytea, amount numeric, reason text
    ) ON COMMIT DELETE ROWS
"""
COLUMNS = (
    "block_id", "block_number", "log_index", "tx_index", "tx_hash", "address",
    "topics", "data", "sender", "recipient", "amount", "reason",
)  # fmt: skip
STORE_LOGS = """
    INSERT INTO chain_rawlog (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data,
                              sender, recipient, amount)
    SELECT block_id, block_number, log_index, tx_index, tx_hash, address, topics, data, sender, recipient, amount
    FROM incoming_log
    ON CONFLICT (block_id, log_index) DO NOTHING
"""
STORE_DEAD_LETTERS = """
    INSERT INTO chain_deadletter (block_id, block_number, log_index, address, reason, found_at)
    SELECT block_id, block_number, log_index, '0x' || encode(address, 'hex'), reason, %s
    FROM incoming_log WHERE reason IS NOT NULL
    ON CONFLICT (block_id, log_index) DO NOTHING
"""


@within_unit_of_work
def store_blocks(headers: Sequence[Header], finality: Finality = Finality.OBSERVED) -> dict[str, int]:
    """Make headers canonical blocks; their row ids by hash. One orphaned earlier becomes canonical again."""
    columns = as_columns([_block_row(header) for header in headers], 7)
    return {hash_: id_ for id_, hash_ in fetch_all(STORE_BLOCKS, [finality.value, *columns])}


def _block_row(header: Header) -> tuple[Any, ...]:
    filter_ = header.bloom.to_bytes(bloom.BYTES, "big") if header.bloom else b""
    moment = datetime.fromtimestamp(header.timestamp, UTC)
    return (
        header.number, header.hash, header.parent_hash, moment, header.state_root, header.receipts_root, filter_
    )  # fmt: skip


@within_unit_of_work
def store_logs(logs: Sequence[WireLog], block_ids: dict[str, int], *, now: datetime) -> int:
    """Keep logs with their transfers, and a dead letter for each that does not decode; the number of new logs.

    At most once in a unit of work.
    """
    if not logs:
        return 0
    run_sql(INCOMING)
    copy_rows("incoming_log", COLUMNS, _incoming(logs, block_ids))
    stored = run_sql(STORE_LOGS)
    run_sql(STORE_DEAD_LETTERS, [now])
    return stored


def _incoming(logs: Sequence[WireLog], block_ids: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    for each in logs:
        sender = recipient = amount = reason = None
        try:
            event = codec.decode(each.topics, each.data)
        except codec.Undecodable as error:
            event, reason = None, str(error)[:200]
            log.warning("undecodable log", extra={"tx_hash": each.tx_hash, "log_index": each.log_index})
        if isinstance(event, Transfer):
            sender, recipient, amount = _bytes(event.sender), _bytes(event.recipient), event.amount
        yield (
            block_ids[each.block_hash], each.block_number, each.log_index, each.tx_index, _bytes(each.tx_hash),
            _bytes(each.address), b"".join(map(_bytes, each.topics)), _bytes(each.data),
            sender, recipient, amount, reason,
        )  # fmt: skip


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
