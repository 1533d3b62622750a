"""What the base fee has overtaken is sent again for more, up to the cap; then a person decides."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.chain.eip1559 import InvalidTransaction, Transaction, read_signed
from apps.chain.errors import SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.selectors.under_way import Waiting, waiting
from apps.chain.services.broadcasting import attempts_of
from apps.chain.services.fees import Fees, Head, current_fees, fee_cap
from apps.chain.services.signers import known_signer
from apps.chain.services.signing import Draft, sign_drafts, store_signed
from apps.chain.types import AttemptPurpose, IntentState, SignerRole
from apps.core.alerts import settle_alerts
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work
from apps.core.models import Alert
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

SOURCE = "chain.fees"


@dataclass(slots=True)
class Passed:
    """Since which head each signer's next transaction has waited, by the hash of its newest bytes."""

    since: dict[str, tuple[str, int]] = field(default_factory=dict)

    def blocks(self, role: str, hash_: str, head: Head) -> int:
        """How many blocks have passed these bytes by since they were first seen to be the signer's next."""
        seen, number = self.since.get(role, ("", 0))
        if seen != hash_:
            self.since[role] = hash_, head.number
            return 0
        return head.number - number


def bump_stuck(*, node: Node, head: Head, passed: Passed, leadership: Leadership, now: datetime) -> int:
    """Sign anew, same nonce and higher fees, what no block takes; the number signed.

    That is what the base fee has overtaken; and the next of a signer that a pool has and that so many blocks passed
    by: its tip is too low, or the pool forgot to offer it, and everything behind it is jammed. All sets of bytes stay
    valid: whichever is mined decides, and the others can never be. What is SIGNED counts too: some pools refuse bytes
    that are too cheap, and whoever waits for them to be taken waits for ever. At the cap a person is alerted.
    """
    patience = timedelta(seconds=settings.SECURITY.chain.sending.bump_after_seconds)
    open_ = waiting(base_fee=head.base_fee, signed_before=now - patience)
    late = {each.id for each in open_ if each.is_overtaken} | _passed_by(node, open_, head, passed)
    stuck = list(TxIntent.objects.filter(pk__in=late).defer("data").order_by("signer_id", "nonce")) if late else []
    last = {id_: attempts[-1] for id_, attempts in attempts_of(stuck).items()} if stuck else {}
    capped: set[str] = set()
    bumped: list[TxAttempt] = []
    if stuck:
        today = current_fees(node, head)
        drafts = [draft for i in stuck if (draft := _bumped(i, last[i.id], today, node.chain_id, capped))]
        bumped = [attempt for role, own in _by_signer(drafts).items() for attempt in _signed(role, own, now)]
    if bumped:
        store_signed(bumped, leadership)
    _settle_alerts(capped, leadership, now)
    return len(bumped)


def _passed_by(node: Node, open_: Sequence[Waiting], head: Head, passed: Passed) -> set[UUID]:
    """The next of each signer that has waited too many blocks in a pool."""
    most = settings.SECURITY.chain.sending.bump_after_blocks
    sent = [each for each in open_ if each.is_next and each.state == IntentState.BROADCAST]
    late = [each for each in sent if passed.blocks(each.role, each.hash, head) >= most]
    answers = node.batch([("eth_getTransactionByHash", (each.hash,)) for each in late])
    return {each.id for each, answer in zip(late, answers, strict=True) if _is_waiting(answer)}


def _is_waiting(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("blockNumber") is None


def _settle_alerts(capped: set[str], leadership: Leadership, now: datetime) -> None:
    """A signer that offers all it may is an alert for a person, as long as it does."""
    conditions = {
        f"{SOURCE}:{role}": Condition(
            Severity.ERROR, f"Transactions of {role} offer the most they may for gas, and no block takes them."
        )
        for role in capped
    }
    if conditions or Alert.objects.filter(source=SOURCE, resolved_at=None).exists():
        with unit_of_work():
            leadership.fence()
            settle_alerts(source=SOURCE, conditions=conditions, now=now)


def _bumped(intent: TxIntent, last: TxAttempt, today: Fees, chain_id: int, capped: set[str]) -> Draft | None:
    """The bytes signed last, for more: read from themselves, so that nothing but the fees is another.

    None where that would be above the cap: its signer is then one of `capped`.
    """
    fees = Fees(int(last.max_fee), int(last.max_priority_fee)).bumped(today)
    if fees.max_fee > fee_cap():
        capped.add(intent.signer_id)
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
