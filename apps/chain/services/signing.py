"""From NONCED to SIGNED: simulate, price, sign, and store the bytes before anything is sent."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.chain.eip1559 import InvalidTransaction, SignedBytes, Transaction
from apps.chain.errors import IntentMoved, RpcError, SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.reverts import Refusal, of_rpc_error
from apps.chain.services.fees import Fees, Head, current_fees
from apps.chain.services.signers import known_signer
from apps.chain.signers import TransactionSigner, sign_transactions
from apps.chain.types import GAS_CAP, AttemptPurpose, IntentState, SignerRole
from apps.core.daemon import Leadership
from apps.core.db import as_columns, copy_rows, fetch_all, unit_of_work

log = logging.getLogger(__name__)

CANCEL_GAS = 21_000
PATIENCE = timedelta(seconds=5)
NO_REFUSALS: Mapping[UUID, Refusal] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to sign for an intent; with a `refusal`, a cancellation in its place."""

    intent: TxIntent
    gas_limit: int
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Bytes that are to be signed for an intent, as its attempt of this number."""

    intent: TxIntent
    number: int
    purpose: AttemptPurpose
    transaction: Transaction


def sign_next(*, node: Node, head: Head, refused: dict[UUID, datetime], leadership: Leadership, now: datetime) -> int:
    """Sign what waits, in the order of nonces, and commit bytes and hashes; the number signed.

    A simulated refusal is believed when nothing else of ours is on its way that could change it, or after five
    seconds: `refused` remembers since when. Its nonce is then spent on a transfer of zero to ourselves.
    """
    waiting = TxIntent.objects.sendable().filter(state=IntentState.NONCED)
    signed = 0
    for role in sorted(set(waiting.values_list("signer_id", flat=True))):
        intents = _next_of(role)
        plans = _believed(_plans(node, head, intents), refused, now)
        if plans:
            signed += _sign(node, SignerRole(role), plans, head, leadership, now)
    return signed


def _next_of(role: str) -> list[TxIntent]:
    of_signer = TxIntent.objects.filter(signer_id=role)
    in_flight = of_signer.in_state(IntentState.SIGNED, IntentState.BROADCAST).count()
    window = settings.SECURITY.chain.sending.in_flight - in_flight
    return list(of_signer.in_state(IntentState.NONCED).select_related("signer")[: max(0, window)])


def _plans(node: Node, head: Head, intents: Sequence[TxIntent]) -> list[Plan]:
    """A plan for each by the state of this head, up to the first that the node could not estimate."""
    to_estimate = [intent for intent in intents if intent.gas_limit is None]
    answers = node.batch(
        [("eth_estimateGas", (call_object(intent), {"blockHash": head.hash})) for intent in to_estimate]
    )
    estimates = dict(zip([intent.id for intent in to_estimate], answers, strict=True))
    plans = []
    for intent in intents:
        plan = _plan(intent, estimates.get(intent.id))
        if plan is None:
            break
        plans.append(plan)
    return plans


def _plan(intent: TxIntent, estimate: Any) -> Plan | None:
    if intent.gas_limit is not None:
        return Plan(intent, intent.gas_limit)
    if not isinstance(estimate, RpcError):
        return Plan(intent, min(GAS_CAP, int(estimate, 16) * 5 // 4))
    if estimate.reverted:
        return Plan(intent, CANCEL_GAS, of_rpc_error(estimate))
    log.error("gas not estimated", extra={"intent_id": str(intent.id), "rpc_code": estimate.code})
    return None


def _believed(plans: Sequence[Plan], refused: dict[UUID, datetime], now: datetime) -> list[Plan]:
    """The plans up to the first refusal that may yet change: what is on its way may make it succeed."""
    unmined = TxIntent.objects.in_state(IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST)
    kept: list[Plan] = []
    for plan in plans:
        if plan.refusal:
            since = refused.setdefault(plan.intent.id, now)
            others = kept or unmined.exclude(pk__in=[each.intent.id for each in plans]).exists()
            if others and now < since + PATIENCE:
                break
            refused.pop(plan.intent.id)
        kept.append(plan)
    return kept


def call_object(intent: TxIntent) -> dict[str, str]:
    """The intent as a node simulates it."""
    call = {"from": intent.signer.address, "data": "0x" + bytes(intent.data).hex(), "value": hex(int(intent.value))}
    return {**call, "to": intent.to} if intent.to else call


def _sign(
    node: Node, role: SignerRole, plans: Sequence[Plan], head: Head, leadership: Leadership, now: datetime
) -> int:
    try:
        signer = known_signer(role)
    except SignerUnavailable as error:
        log.warning("signer unavailable", extra={**error.context, "signer": role.value, "detail": error.message})
        return 0
    fees = current_fees(node, head)
    drafts = [draft for plan in plans if (draft := _draft(plan, fees, node.chain_id, signer.address))]
    attempts = sign_drafts(signer, drafts, now)
    refusals = {plan.intent.id: plan.refusal for plan in plans if plan.refusal}
    if attempts:
        store_signed(attempts, leadership, refusals)
    return len(attempts)


def _draft(plan: Plan, fees: Fees, chain_id: int, own_address: str) -> Draft | None:
    """The intent's first set of bytes, or those of its cancellation."""
    intent, cancels = plan.intent, plan.refusal is not None
    try:
        transaction = Transaction(
            chain_id=chain_id,
            nonce=intent.given_nonce,
            max_priority_fee=fees.max_priority_fee,
            max_fee=fees.max_fee,
            gas_limit=plan.gas_limit,
            to=own_address if cancels else intent.to,
            value=0 if cancels else int(intent.value),
            data=b"" if cancels else bytes(intent.data),
        )
    except InvalidTransaction as error:  # submit() lets no such intent in
        detail = str(error)
    else:
        return Draft(intent, 1, AttemptPurpose.CANCEL if cancels else AttemptPurpose.CALL, transaction)
    log.error("intent cannot be encoded", extra={"intent_id": str(intent.id), "detail": detail})
    return None


def sign_drafts(signer: TransactionSigner, drafts: Sequence[Draft], now: datetime) -> list[TxAttempt]:
    """Attempts, not yet stored, of what could be signed: the rest waits for the next round. Not in a unit of work."""
    made = zip(drafts, sign_transactions(signer, [draft.transaction for draft in drafts]), strict=True)
    attempts, refused = [], Counter[str]()
    for draft, signed in made:
        if isinstance(signed, SignerUnavailable):
            refused[signed.context.get("reason", "")] += 1
        else:
            attempts.append(_attempt(draft, signed, now))
    for reason, count in refused.items():
        log.warning("transactions not signed", extra={"signer": repr(signer), "reason": reason, "count": count})
    return attempts


def _attempt(draft: Draft, signed: SignedBytes, now: datetime) -> TxAttempt:
    return TxAttempt(
        intent=draft.intent,
        number=draft.number,
        purpose=draft.purpose,
        raw=signed.raw,
        hash=signed.hash,
        gas_limit=draft.transaction.gas_limit,
        max_fee=draft.transaction.max_fee,
        max_priority_fee=draft.transaction.max_priority_fee,
        created_at=now,
    )


ATTEMPT = (
    "intent_id", "number", "purpose", "raw", "hash", "gas_limit", "max_fee", "max_priority_fee", "created_at",
)  # fmt: skip
MARK_SIGNED = """
    UPDATE chain_txintent i SET state = 'SIGNED', reason = coalesce(c.reason, i.reason),
        reason_detail = coalesce(c.detail, i.reason_detail)
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS c (id, was, reason, detail)
    WHERE i.id = c.id AND i.state = c.was
    RETURNING i.id
"""


def store_signed(
    attempts: Sequence[TxAttempt],
    leadership: Leadership,
    refusals: Mapping[UUID, Refusal] = NO_REFUSALS,
    also: Callable[[], None] = lambda: None,
) -> None:
    """Commit signed bytes with their intents' new state, and what is done `also`: only then may they be sent.

    Raises IntentMoved, and keeps none of them, where an intent is no longer as it was read.
    """
    rows = [[getattr(attempt, column) for column in ATTEMPT] for attempt in attempts]
    changes = [_signed(attempt.intent, refusals.get(attempt.intent_id)) for attempt in attempts]
    with unit_of_work():
        leadership.fence()
        if len(fetch_all(MARK_SIGNED, as_columns(changes, 4))) < len(changes):
            raise IntentMoved
        copy_rows(TxAttempt, ATTEMPT, rows)
        also()


def _signed(intent: TxIntent, refusal: Refusal | None) -> tuple[UUID, str, str | None, str | None]:
    reason, detail = (refusal.code, refusal.detail) if refusal else (None, None)
    return intent.id, str(intent.state), reason, detail
