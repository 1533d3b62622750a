"""What the base fee has overtaken is sent again for more, up to the cap; then a person decides."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from apps.chain.eip1559 import InvalidTransaction, Transaction, read_signed
from apps.chain.errors import SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.services.broadcasting import BATCH, attempts_of
from apps.chain.services.fees import Fees, Head, current_fees, fee_cap
from apps.chain.services.signers import known_signer
from apps.chain.services.signing import Draft, sign_drafts, store_signed
from apps.chain.types import AttemptPurpose, IntentState, SignerRole
from apps.core.daemon import Leadership

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(seconds=15)


def bump_stuck(*, node: Node, head: Head, leadership: Leadership, now: datetime) -> int:
    """Sign anew, same nonce and higher fees, what no block can take at its price; the number signed.

    All sets of bytes stay valid: whichever is mined decides, and the others can never be. What is SIGNED counts too:
    some pools refuse bytes that are too cheap, and whoever waits for them to be taken waits for ever.
    """
    unmined = TxIntent.objects.sendable().in_state(IntentState.SIGNED, IntentState.BROADCAST)
    intents = list(unmined.filter(created_at__lte=now - STUCK_AFTER).defer("data").select_related("signer")[:BATCH])
    if not intents:
        return 0
    attempts = attempts_of(intents)
    last = {intent: attempts[intent.id][-1] for intent in intents}
    stuck = [
        intent
        for intent in intents
        if last[intent].max_fee < head.base_fee and last[intent].created_at <= now - STUCK_AFTER
    ]
    if not stuck:
        return 0
    today = current_fees(node, head)
    drafts = [draft for intent in stuck if (draft := _bumped(intent, last[intent], today, node.chain_id))]
    bumped = [attempt for role, own in _by_signer(drafts).items() for attempt in _signed(role, own, now)]
    for attempt in bumped:
        attempt.intent.state = IntentState.SIGNED
    if bumped:
        store_signed(bumped, [attempt.intent for attempt in bumped], leadership)
    return len(bumped)


def _bumped(intent: TxIntent, last: TxAttempt, today: Fees, chain_id: int) -> Draft | None:
    """The bytes signed last, for more: read from themselves, so that nothing but the fees is another."""
    fees = Fees(int(last.max_fee), int(last.max_priority_fee)).bumped(today)
    if fees.max_fee > fee_cap():
        log.error("fee cap reached", extra={"intent_id": str(intent.id), "max_fee": fees.max_fee})
        return None
    signed: Transaction | None
    try:
        signed, _ = read_signed(bytes(last.raw))
    except InvalidTransaction:
        signed = None
    if signed is None or (signed.chain_id, signed.nonce) != (chain_id, intent.nonce):
        log.error("stored bytes are not the intent's", extra={"intent_id": str(intent.id)})
        return None
    transaction = replace(signed, max_fee=fees.max_fee, max_priority_fee=fees.max_priority_fee)
    return Draft(intent, last.number + 1, AttemptPurpose(last.purpose), transaction)


def _by_signer(drafts: Iterable[Draft]) -> dict[SignerRole, list[Draft]]:
    found: dict[SignerRole, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(SignerRole(draft.intent.signer_id), []).append(draft)
    return found


def _signed(role: SignerRole, drafts: Sequence[Draft], now: datetime) -> list[TxAttempt]:
    try:
        return sign_drafts(known_signer(role), drafts, now)
    except SignerUnavailable as error:  # the other signers' transactions go on
        log.warning("signer unavailable", extra={**error.context, "signer": role.value, "detail": error.message})
        return []
