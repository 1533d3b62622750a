"""The ends of intents, by the stored blocks: SAFE with enough blocks on top, and an end when the block is final.

No node is asked, but for what was mined below the first block that is stored, which was final when the stream began.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.chain.errors import RpcError
from apps.chain.gateway import Node
from apps.chain.models import Intervention, StreamCursor, TxAttemptOutcome, TxIntent
from apps.chain.selectors.blocks import STREAM
from apps.chain.services.orphaning import orphan_intents
from apps.chain.services.reporting import publish_ends
from apps.chain.types import IntentState, InterventionEnd
from apps.core.alerts import raise_alert
from apps.core.daemon import Leadership
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.core.types import Severity

log = logging.getLogger(__name__)

AT_ONCE = 1_000
EVENT_MISSING, CANCELLED = "EXPECTED_EVENT_MISSING", "CANCELLED"

MARK_SAFE = """
    UPDATE chain_txintent i SET state = 'SAFE' FROM chain_block b
    WHERE i.state = 'MINED' AND b.hash = i.block_hash AND b.canonical AND b.finality <> 'FINAL' AND b.number <= %s
"""
# A cancellation spends the nonce of what a person called off, or of a call that the simulation refused.
DUE = """
    SELECT i.id, CASE
        WHEN a.purpose = 'CANCEL' AND (i.reason = 'CANCELLED' OR EXISTS (
            SELECT 1 FROM chain_txattempt c WHERE c.intent_id = i.id AND c.purpose = 'CALL')) THEN 'REPLACED'
        WHEN a.purpose = 'CANCEL' OR NOT i.succeeded THEN 'REVERTED'
        WHEN i.expect_topic IS NOT NULL AND i.event IS NULL THEN 'FAILED'
        ELSE 'FINAL' END
    FROM chain_txintent i
    JOIN chain_txattempt a ON a.hash = i.tx_hash
    LEFT JOIN chain_block b ON b.hash = i.block_hash AND b.canonical AND b.finality = 'FINAL'
    WHERE i.state IN ('MINED', 'SAFE') AND (b.id IS NOT NULL OR i.id = ANY(%s))
    ORDER BY i.block_number, i.id LIMIT %s
    FOR NO KEY UPDATE OF i
"""
# A reorganisation may have turned a revert, with its reason, into a success.
END = """
    UPDATE chain_txintent i SET state = c.state, finished_at = %s,
        event = CASE WHEN c.state = 'FINAL' THEN i.event END,
        reason = CASE c.state WHEN 'FINAL' THEN '' WHEN 'FAILED' THEN %s WHEN 'REPLACED' THEN %s ELSE i.reason END,
        reason_detail = CASE c.state WHEN 'REVERTED' THEN i.reason_detail ELSE '' END
    FROM unnest(%s::uuid[], %s::text[]) AS c (id, state)
    WHERE i.id = c.id
"""
JUDGE_ATTEMPTS = f"""
    INSERT INTO {TxAttemptOutcome._meta.db_table} (attempt_id, outcome, at)
    SELECT a.id, CASE WHEN a.hash = i.tx_hash THEN 'MINED' ELSE 'REPLACED' END, %s
    FROM chain_txattempt a JOIN chain_txintent i ON i.id = a.intent_id WHERE i.id = ANY(%s) ORDER BY a.id
"""  # noqa: S608 (our own words)


def end_final(*, node: Node | None, leadership: Leadership, now: datetime, orphans: bool = True) -> int:
    """End what is in a final block, at most a thousand; the number ended. Without a node only what is stored counts.

    With `orphans` what was mined beside the stored chain is put back first: worth it when the stream has moved.

    Nothing ends while the stream is halted: a person decides first what the chain is.
    """
    cursor = StreamCursor.objects.filter(name=STREAM).first()
    mined = TxIntent.objects.filter(state__in=[IntentState.MINED, IntentState.SAFE])
    if cursor is None or cursor.halted or not mined.exists():
        return 0
    old = _below(node, cursor.first_number) if node else []
    with unit_of_work():
        leadership.fence()
        if orphans:
            orphan_intents()
        run_sql(MARK_SAFE, [cursor.number - settings.SECURITY.chain.sending.safe_depth])
        due = fetch_all(DUE, [old, AT_ONCE])
        if due:
            _end([id_ for id_, _ in due], [state for _, state in due], now)
    return len(due)


def _below(node: Node, first: int) -> list[UUID]:
    """Those mined below the first block stored, in a block that the node's chain still has at its height."""
    below = TxIntent.objects.filter(state__in=[IntentState.MINED, IntentState.SAFE], block_number__lt=first)
    intents = list(below.only("id", "block_number", "block_hash").order_by("block_number", "id")[:AT_ONCE])
    numbers = sorted({int(intent.block_number or 0) for intent in intents})
    blocks = node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    hashes = {
        number: str(block["hash"]).lower()
        for number, block in zip(numbers, blocks, strict=True)
        if block is not None and not isinstance(block, RpcError)
    }
    return [intent.id for intent in intents if hashes.get(int(intent.block_number or 0)) == intent.block_hash]


def _end(ids: Sequence[UUID], states: Sequence[str], now: datetime) -> None:
    """Write the ends, what became of each attempt, and tell whoever waits, in this commit."""
    run_sql(END, [now, EVENT_MISSING, CANCELLED, list(ids), list(states)])
    run_sql(JUDGE_ATTEMPTS, [now, list(ids)])
    lapse_interventions(ids, now)
    ended = list(TxIntent.objects.filter(pk__in=ids).defer("data").order_by("block_number", "id"))
    for intent in ended:
        if intent.state == IntentState.FAILED:
            _tell(intent, now)
    publish_ends(ended)


def lapse_interventions(ids: Sequence[UUID], now: datetime) -> None:
    """Nothing can be done any more about transactions that end in this commit."""
    Intervention.objects.filter(intent_id__in=ids, end="").update(end=InterventionEnd.LAPSED, ended_at=now)


def _tell(intent: TxIntent, now: datetime) -> None:
    """A success that is none: for a person to look at. Nothing but a person resolves it."""
    log.error("expected event missing", extra={"intent_id": str(intent.id), "tx_hash": intent.tx_hash})
    raise_alert(
        dedup_key=f"chain.intents:{intent.id}",
        severity=Severity.CRITICAL,
        summary="A transaction succeeded without the event it was sent for.",
        now=now,
    )
