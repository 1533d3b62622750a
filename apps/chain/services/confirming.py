"""From BROADCAST to MINED, and from MINED to one of the ends: a block is believed when it is finalized."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.reverts import OUT_OF_GAS, UNEXPLAINED, Refusal, of_rpc_error
from apps.chain.services.broadcasting import BATCH, FOREIGN_TRANSACTION, attempts_of, known_hashes
from apps.chain.services.signers import freeze_signer
from apps.chain.services.signing import call_object
from apps.chain.types import IntentState
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work

log = logging.getLogger(__name__)

LOST_AFTER = timedelta(seconds=2)  # before asking whether the pool still has it
MINED_FIELDS = ["state", "tx_hash", "block_number", "block_hash", "succeeded", "gas_used", "reason", "reason_detail"]

Receipt = Mapping[str, Any]


def find_receipts(*, node: Node, leadership: Leadership, now: datetime) -> int:
    """Mark MINED what is in a block by any of its hashes; the number found.

    What the node has forgotten goes back to SIGNED, so that the same bytes are sent again.
    """
    intents = list(TxIntent.objects.in_state(IntentState.BROADCAST).select_related("signer")[:BATCH])
    if not intents:
        return 0
    attempts = attempts_of(intents)
    receipts = read_receipts(node, [each.hash for own in attempts.values() for each in own])
    mined = {}
    for intent in intents:
        found = [receipts[each.hash] for each in attempts[intent.id] if each.hash in receipts]
        if found:
            mined[intent] = found[0]
    record_mined(node, mined, leadership)
    overdue = [intent for intent in intents if intent not in mined and _is_overdue(intent, now)]
    _look_for(node, overdue, attempts, leadership, now)
    return len(mined)


def _is_overdue(intent: TxIntent, now: datetime) -> bool:
    sent = intent.broadcast_at
    return intent.signer.frozen_at is None and sent is not None and sent <= now - LOST_AFTER


def read_receipts(node: Node, hashes: Sequence[str]) -> dict[str, Receipt]:
    """The receipt of each hash that is in a canonical block. Raises ChainUnavailable if the node will not say."""
    answers = node.batch([("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes])
    if any(isinstance(answer, RpcError) for answer in answers):
        raise ChainUnavailable(cause="eth_getTransactionReceipt")
    return {hash_: answer for hash_, answer in zip(hashes, answers, strict=True) if answer is not None}


def record_mined(node: Node, mined: Mapping[TxIntent, Receipt], leadership: Leadership) -> None:
    """Commit where each was mined and, if it reverted, why."""
    if not mined:
        return
    reverted = [intent for intent, receipt in mined.items() if not _succeeded(receipt)]
    refusals = _why(node, reverted, mined)
    for intent, receipt in mined.items():
        _mark_mined(intent, receipt)
        if intent in refusals:
            intent.reason, intent.reason_detail = refusals[intent].code, refusals[intent].detail
    with unit_of_work():
        leadership.fence()
        TxIntent.objects.bulk_update(list(mined), MINED_FIELDS)


def _succeeded(receipt: Receipt) -> bool:
    return int(receipt["status"], 16) == 1


def _mark_mined(intent: TxIntent, receipt: Receipt) -> None:
    intent.state = IntentState.MINED
    intent.tx_hash = receipt["transactionHash"].lower()
    intent.block_number, intent.block_hash = int(receipt["blockNumber"], 16), receipt["blockHash"].lower()
    intent.succeeded, intent.gas_used = _succeeded(receipt), int(receipt["gasUsed"], 16)


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


def _look_for(
    node: Node,
    overdue: Sequence[TxIntent],
    attempts: Mapping[Any, Sequence[TxAttempt]],
    leadership: Leadership,
    now: datetime,
) -> None:
    """What no pool and no block has: sent again, unless a stranger spent its nonce."""
    hashes = {intent: [each.hash for each in attempts[intent.id]] for intent in overdue}
    known = known_hashes(node, [hash_ for own in hashes.values() for hash_ in own])
    lost = [intent for intent in overdue if known.isdisjoint(hashes[intent])]
    if not lost:
        return
    spent = _spent(node, lost, hashes)
    with unit_of_work():
        leadership.fence()
        again = [intent.id for intent in lost if intent not in spent]
        TxIntent.objects.filter(pk__in=again, state=IntentState.BROADCAST).update(state=IntentState.SIGNED)
        for intent in spent:
            freeze_signer(role=intent.signer_id, reason=FOREIGN_TRANSACTION, nonce=intent.nonce, now=now)
    log.warning("transactions lost by the node", extra={"lost": len(lost), "foreign": len(spent)})


def _spent(node: Node, lost: Sequence[TxIntent], hashes: Mapping[TxIntent, Sequence[str]]) -> list[TxIntent]:
    """Those whose nonce the chain has passed, and which were not mined while we asked."""
    counts = node.batch([("eth_getTransactionCount", (intent.signer.address, "latest")) for intent in lost])
    passed = [i for i, count in zip(lost, counts, strict=True) if int(count, 16) > i.nonce]
    receipts = read_receipts(node, [hash_ for intent in passed for hash_ in hashes[intent]])
    return [intent for intent in passed if receipts.keys().isdisjoint(hashes[intent])]
