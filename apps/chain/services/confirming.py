"""From BROADCAST to MINED, or back to SIGNED where nobody has it any more."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.chain.endpoints.others import Others
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.reverts import OUT_OF_GAS, UNEXPLAINED, Refusal, of_rpc_error
from apps.chain.selectors.under_way import hashes_under_way
from apps.chain.services.broadcasting import attempts_of, fair_share, known_hashes
from apps.chain.services.freezing import FOREIGN_TRANSACTION, Suspicions
from apps.chain.services.signers import freeze_signer
from apps.chain.services.signing import call_object
from apps.chain.types import IntentState
from apps.core.daemon import Leadership
from apps.core.db import as_columns, run_sql, unit_of_work

log = logging.getLogger(__name__)

Receipt = Mapping[str, Any]


def find_receipts(*, node: Node, leadership: Leadership, asked: set[UUID]) -> int:
    """Mark MINED what is in a block by any of its hashes; the number found.

    `asked` are intents that were not in a block at this head of the chain: they are not asked for again.
    """
    open_ = {id_: hashes for id_, hashes in hashes_under_way().items() if id_ not in asked}
    if not open_:
        return 0
    receipts = read_receipts(node, [hash_ for hashes in open_.values() for hash_ in hashes])
    found = {id_: receipts[hash_] for id_, hashes in open_.items() for hash_ in hashes if hash_ in receipts}
    intents = TxIntent.objects.filter(pk__in=list(found)).select_related("signer")
    record_mined(node, {intent: found[intent.id] for intent in intents}, leadership)
    asked.update(open_.keys() - found.keys())
    return len(found)


def look_for_lost(*, node: Node, others: Others, suspicions: Suspicions, leadership: Leadership, now: datetime) -> int:
    """What neither pool nor block has goes back to SIGNED, so that the same bytes are sent again; the number.

    Unless a stranger spent its nonce: then its signer is frozen. See Suspicions.judge.
    """
    patience = timedelta(seconds=settings.SECURITY.chain.sending.lost_after_seconds)
    sendable = TxIntent.objects.sendable().select_related("signer").defer("data")
    overdue = fair_share(sendable.filter(state=IntentState.BROADCAST, broadcast_at__lte=now - patience))
    if not overdue:
        return 0
    attempts = attempts_of(overdue)
    hashes = {intent.id: [each.hash for each in attempts[intent.id]] for intent in overdue}
    known = known_hashes(node, [hash_ for own in hashes.values() for hash_ in own])
    lost = [intent for intent in overdue if known.isdisjoint(hashes[intent.id])]
    if not lost:
        return 0
    passed = _passed(node, lost)
    verdict = suspicions.judge(node, others, passed, hashes)
    again = [intent.id for intent in lost if intent not in passed]
    if not again and not verdict.strangers:
        return 0
    with unit_of_work():
        leadership.fence()
        TxIntent.objects.filter(pk__in=again, state=IntentState.BROADCAST).update(state=IntentState.SIGNED)
        for intent in verdict.strangers:
            freeze_signer(role=intent.signer_id, reason=FOREIGN_TRANSACTION, nonce=intent.nonce, now=now)
    log.warning("transactions lost by the node", extra={"lost": len(again), "foreign": len(verdict.strangers)})
    return len(again)


def _passed(node: Node, lost: Sequence[TxIntent]) -> list[TxIntent]:
    """Those whose nonce the node's chain has passed."""
    addresses = sorted({intent.signer.address for intent in lost})
    answers = node.batch([("eth_getTransactionCount", (address, "latest")) for address in addresses])
    if any(isinstance(answer, RpcError) for answer in answers):
        raise ChainUnavailable(cause="eth_getTransactionCount")
    counts = {address: int(answer, 16) for address, answer in zip(addresses, answers, strict=True)}
    return [intent for intent in lost if counts[intent.signer.address] > (intent.nonce or 0)]


def read_receipts(node: Node, hashes: Sequence[str]) -> dict[str, Receipt]:
    """The receipt of each hash that is in a canonical block. Raises ChainUnavailable if the node will not say."""
    answers = node.batch([("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes])
    if any(isinstance(answer, RpcError) for answer in answers):
        raise ChainUnavailable(cause="eth_getTransactionReceipt")
    return {hash_: answer for hash_, answer in zip(hashes, answers, strict=True) if answer is not None}


MARK_MINED = """
    UPDATE chain_txintent i SET state = 'MINED', tx_hash = c.tx_hash, block_number = c.number,
        block_hash = c.block_hash, succeeded = c.succeeded, gas_used = c.gas_used, event = c.event::jsonb,
        reason = coalesce(c.reason, i.reason), reason_detail = coalesce(c.detail, i.reason_detail)
    FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::boolean[], %s::bigint[], %s::text[], %s::text[],
                %s::text[]) AS c (id, tx_hash, number, block_hash, succeeded, gas_used, event, reason, detail)
    WHERE i.id = c.id AND i.state = 'BROADCAST'
"""


def record_mined(node: Node, mined: Mapping[TxIntent, Receipt], leadership: Leadership) -> None:
    """Commit where each was mined, with the event it was sent for and, if it reverted, why."""
    if not mined:
        return
    reverted = [intent for intent, receipt in mined.items() if not _succeeded(receipt)]
    refusals = _why(node, reverted, mined)
    rows = [_change(intent, receipt, refusals.get(intent)) for intent, receipt in mined.items()]
    with unit_of_work():
        leadership.fence()
        run_sql(MARK_MINED, as_columns(rows, 9))


def _change(intent: TxIntent, receipt: Receipt, refusal: Refusal | None) -> tuple[Any, ...]:
    event = expected_log(intent, receipt["logs"])
    return (
        intent.id,
        receipt["transactionHash"].lower(),
        int(receipt["blockNumber"], 16),
        receipt["blockHash"].lower(),
        _succeeded(receipt),
        int(receipt["gasUsed"], 16),
        json.dumps(event) if event else None,
        refusal.code if refusal else None,
        refusal.detail if refusal else None,
    )


def expected_log(intent: TxIntent, logs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The first log that is what the intent was sent for: emitter, topics and data, as far as it names them."""
    if intent.expect_topic is None:
        return None
    wanted = [intent.expect_topic, *(intent.expect_topics or ())]
    data = None if intent.expect_data is None else "0x" + bytes(intent.expect_data).hex()
    for entry in logs:
        topics, address = [topic.lower() for topic in entry["topics"]], entry["address"].lower()
        said = len(topics) >= len(wanted) and all(
            want in {None, got} for want, got in zip(wanted, topics, strict=False)
        )
        if said and intent.expect_address in {None, address} and data in {None, entry["data"].lower()}:
            index = int(entry["logIndex"], 16)
            return {"address": address, "topics": topics, "data": entry["data"].lower(), "log_index": index}
    return None


def _succeeded(receipt: Receipt) -> bool:
    return int(receipt["status"], 16) == 1


def _why(node: Node, reverted: Sequence[TxIntent], mined: Mapping[TxIntent, Receipt]) -> dict[TxIntent, Refusal]:
    """Replay each at the block before its own, and what succeeds there upon its own: another of that block undid it.

    What succeeds upon both is left unexplained.
    """
    hashes = [mined[intent]["transactionHash"] for intent in reverted]
    limits = dict(TxAttempt.objects.filter(hash__in=hashes).values_list("intent_id", "gas_limit"))
    answers: dict[TxIntent, Any] = {}
    for back in (1, 0):
        left = [intent for intent in reverted if not isinstance(answers.get(intent), RpcError)]
        heights = [hex(int(mined[intent]["blockNumber"], 16) - back) for intent in left]
        calls = [
            ("eth_call", (_replay(intent, limits[intent.id]), height))
            for intent, height in zip(left, heights, strict=True)
        ]
        answers |= zip(left, node.batch(calls), strict=True)
    return {
        intent: _refusal(answer, gas_left=limits[intent.id] - int(mined[intent]["gasUsed"], 16))
        for intent, answer in answers.items()
    }


def _replay(intent: TxIntent, gas_limit: int) -> dict[str, str]:
    return {**call_object(intent), "gas": hex(gas_limit)}


def _refusal(answer: Any, *, gas_left: int) -> Refusal:
    if gas_left <= 0:
        return OUT_OF_GAS
    return of_rpc_error(answer) if isinstance(answer, RpcError) else UNEXPLAINED
