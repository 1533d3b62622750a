"""The ends of an intent, published in the commit that writes them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.fetching import fetch_tip
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.services.broadcasting import BATCH
from apps.chain.services.confirming import Receipt, read_receipts, record_mined
from apps.chain.services.finality import final_point
from apps.chain.types import INTENT_FAILED, INTENT_FINAL, AttemptPurpose, IntentState
from apps.core import outbox
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work

log = logging.getLogger(__name__)

EVENT_MISSING = "EXPECTED_EVENT_MISSING"
END_FIELDS = ["state", "reason", "reason_detail", "event", "finished_at"]


def end_finalized(*, node: Node, leadership: Leadership, now: datetime, others: Others = NOBODY) -> int:
    """End what is MINED in a final, canonical block; the number ended. `others` are nodes that must agree on it.

    What a reorganisation moved to another block is followed there; what it threw out is BROADCAST again.
    """
    mined = TxIntent.objects.filter(state=IntentState.MINED).order_by("block_number", "id")
    intents = list(mined.select_related("signer")[:BATCH])
    if not intents:
        return 0
    receipts = read_receipts(node, [str(intent.tx_hash) for intent in intents])
    _follow(node, intents, receipts, leadership)
    settled = _in_finalized_blocks(node, others, [i for i in intents if i.state == IntentState.MINED])
    if settled:
        _end(settled, receipts, leadership, now)
    return len(settled)


def _follow(node: Node, intents: Sequence[TxIntent], receipts: Mapping[str, Receipt], leadership: Leadership) -> None:
    """Write down where a reorganisation took each intent."""
    thrown_out = [intent for intent in intents if intent.tx_hash not in receipts]
    moved = {
        intent: receipts[intent.tx_hash]
        for intent in intents
        if intent.tx_hash in receipts and receipts[intent.tx_hash]["blockHash"].lower() != intent.block_hash
    }
    record_mined(node, moved, leadership)
    if not thrown_out:
        return
    log.warning("mined transactions thrown out by a reorganisation", extra={"number": len(thrown_out)})
    for intent in thrown_out:
        intent.state = IntentState.BROADCAST
    with unit_of_work():
        leadership.fence()
        TxIntent.objects.filter(pk__in=[intent.id for intent in thrown_out], state=IntentState.MINED).update(
            state=IntentState.BROADCAST,
            tx_hash=None,
            block_number=None,
            block_hash=None,
            succeeded=None,
            gas_used=None,
        )


def _in_finalized_blocks(node: Node, others: Others, intents: Iterable[TxIntent]) -> list[TxIntent]:
    """Those whose block is at or below the final one, and is the canonical block of its height."""
    point = final_point(fetch_tip(node), others, name=node.name)
    if point is None:
        return []  # a young chain has no final block yet
    settled = [i for i in intents if i.block_number is not None and i.block_number <= point.number]
    numbers = sorted({int(i.block_number or 0) for i in settled})
    blocks = node.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    if any(block is None or isinstance(block, RpcError) for block in blocks):
        raise ChainUnavailable(cause="eth_getBlockByNumber")
    canonical = {number: block["hash"].lower() for number, block in zip(numbers, blocks, strict=True)}
    return [intent for intent in settled if canonical[int(intent.block_number or 0)] == intent.block_hash]


def _end(intents: Sequence[TxIntent], receipts: Mapping[str, Receipt], leadership: Leadership, now: datetime) -> None:
    cancelled = set(
        TxAttempt.objects.filter(
            hash__in=[intent.tx_hash for intent in intents], purpose=AttemptPurpose.CANCEL
        ).values_list("intent_id", flat=True)
    )
    for intent in intents:
        _decide(intent, receipts[str(intent.tx_hash)], cancelled=intent.id in cancelled)
        intent.finished_at = now
    with unit_of_work():
        leadership.fence()
        TxIntent.objects.bulk_update(intents, END_FIELDS)
        final = [intent for intent in intents if intent.state == IntentState.FINAL]
        outbox.publish_many(topic=INTENT_FINAL, events=[(str(i.id), _payload(i)) for i in final])
        failed = [intent for intent in intents if intent.state != IntentState.FINAL]
        outbox.publish_many(topic=INTENT_FAILED, events=[(str(i.id), _payload(i)) for i in failed])


def _decide(intent: TxIntent, receipt: Receipt, *, cancelled: bool) -> None:
    """FINAL only if it did what it was for: status 1, not a cancellation, and the expected event is there."""
    if cancelled or not intent.succeeded:
        intent.state = IntentState.REVERTED
        return
    intent.event = _expected_log(intent, receipt)
    if intent.expect_topic and intent.event is None:
        intent.state, intent.reason, intent.reason_detail = IntentState.FAILED, EVENT_MISSING, ""
        log.error("expected event missing", extra={"intent_id": str(intent.id), "tx_hash": intent.tx_hash})
        return
    # A reorganisation may have turned a revert, with its reason, into a success.
    intent.state, intent.reason, intent.reason_detail = IntentState.FINAL, "", ""


def _expected_log(intent: TxIntent, receipt: Receipt) -> dict[str, Any] | None:
    for entry in receipt["logs"]:
        topics = [topic.lower() for topic in entry["topics"]]
        address = entry["address"].lower()
        if topics[:1] == [intent.expect_topic] and intent.expect_address in {None, address}:
            index = int(entry["logIndex"], 16)
            return {"address": address, "topics": topics, "data": entry["data"].lower(), "log_index": index}
    return None


def _payload(intent: TxIntent) -> dict[str, Any]:
    payload = {
        "intent_id": str(intent.id),
        "kind": intent.kind,
        "business_key": intent.business_key,
        "tx_hash": intent.tx_hash,
        "block_number": intent.block_number,
    }
    return payload if intent.state == IntentState.FINAL else {**payload, "reason": intent.reason}
