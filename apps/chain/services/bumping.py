"""What the base fee has overtaken is sent again for more, up to the cap; then a person decides."""

import logging
from datetime import datetime, timedelta

from apps.chain.errors import SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.services.broadcasting import BATCH, attempts_of
from apps.chain.services.fees import Fees, Head, current_fees, fee_cap
from apps.chain.services.signers import known_signer
from apps.chain.services.signing import signed_attempt, store_signed
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
    bumped = [attempt for intent in stuck if (attempt := _bumped(intent, last[intent], today, node.chain_id, now))]
    replaced = [attempt.intent for attempt in bumped]
    for intent in replaced:
        intent.state = IntentState.SIGNED
    store_signed(bumped, replaced, leadership)
    return len(bumped)


def _bumped(intent: TxIntent, last: TxAttempt, today: Fees, chain_id: int, now: datetime) -> TxAttempt | None:
    fees = Fees(int(last.max_fee), int(last.max_priority_fee)).bumped(today)
    if fees.max_fee > fee_cap():
        log.error("fee cap reached", extra={"intent_id": str(intent.id), "max_fee": fees.max_fee})
        return None
    try:
        signer = known_signer(SignerRole(intent.signer_id))
    except SignerUnavailable as error:  # the other signers' transactions go on
        log.warning("signer unavailable", extra={"signer": intent.signer_id, "detail": error.message})
        return None
    return signed_attempt(
        signer,
        intent,
        number=last.number + 1,
        purpose=AttemptPurpose(last.purpose),
        gas_limit=last.gas_limit,
        fees=fees,
        chain_id=chain_id,
        now=now,
    )
