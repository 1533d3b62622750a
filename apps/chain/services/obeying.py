"""The sender's half of what people want: fees signed anew, transactions called off, signers released."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.chain.eip1559 import Transaction, read_signed
from apps.chain.endpoints.others import Others
from apps.chain.errors import SignerUnavailable
from apps.chain.gateway import Node
from apps.chain.models import Intervention, SignerNonce, SignerRelease, TxAttempt, TxAttemptOutcome, TxIntent
from apps.chain.reverts import Refusal
from apps.chain.selectors import blocks
from apps.chain.services.broadcasting import attempts_of
from apps.chain.services.ending import CANCELLED, lapse_interventions
from apps.chain.services.fees import Fees, Head, current_fees
from apps.chain.services.freezing import FOREIGN_TRANSACTION, spent_at
from apps.chain.services.intents import lock_nonces
from apps.chain.services.reporting import publish_ends
from apps.chain.services.signers import known_signer, release_signer
from apps.chain.services.signing import CANCEL_GAS, Draft, sign_drafts, store_signed
from apps.chain.types import (
    AttemptOutcome,
    AttemptPurpose,
    IntentState,
    InterventionEnd,
    InterventionKind,
    SignerRole,
)
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work

log = logging.getLogger(__name__)

UNMINED = (IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST)
AGREED = Q(end="") & (Q(needs_two=False) | Q(approved_by__isnull=False))


def obey(*, node: Node, head: Head, leadership: Leadership, now: datetime) -> int:
    """Sign what people want signed of transactions on their way; the number signed.

    What is in a block waits: a reorganisation may bring it back. What pays as much already lapses. Those of a frozen
    signer wait for its release.
    """
    asked = Intervention.objects.filter(AGREED, intent__state__in=UNMINED, intent__signer__frozen_at=None)
    due = list(asked.select_related("intent__signer").order_by("pk"))
    if not due:
        return 0
    attempts, today = attempts_of([each.intent for each in due]), current_fees(node, head)
    signed = 0
    for each in due:
        own = attempts.get(each.intent_id, [])
        draft = _draft(each, own[-1] if own else None, today, node.chain_id)
        signed += _sign(each, draft, leadership, now) if draft else _lapse(each, leadership, now)
    return signed


def _draft(asked: Intervention, last: TxAttempt | None, today: Fees, chain_id: int) -> Draft | None:
    """The bytes that do it; None where those signed last pay as much."""
    paid = Fees(int(last.max_fee), int(last.max_priority_fee)) if last else Fees(0, 0)
    number, intent = (last.number + 1 if last else 1), asked.intent
    if asked.kind == InterventionKind.CANCEL:
        fees, own = paid.bumped(today), intent.signer.address
        nothing = Transaction(
            chain_id, intent.given_nonce, fees.max_priority_fee, fees.max_fee, CANCEL_GAS, own, 0, b""
        )
        return Draft(intent, number, AttemptPurpose.CANCEL, nothing)
    wanted = Fees(int(asked.max_fee or 0), int(asked.max_priority_fee or 0))
    if last is None or paid.bumped(wanted) != wanted:
        return None
    signed, _ = read_signed(bytes(last.raw))
    dearer = replace(signed, max_fee=wanted.max_fee, max_priority_fee=wanted.max_priority_fee)
    return Draft(intent, number, AttemptPurpose(last.purpose), dearer)


def _sign(asked: Intervention, draft: Draft, leadership: Leadership, now: datetime) -> int:
    try:
        attempts = sign_drafts(known_signer(SignerRole(asked.intent.signer_id)), [draft], now)
    except SignerUnavailable as error:
        log.warning("signer unavailable", extra={**error.context, "signer": asked.intent.signer_id})
        return 0
    if not attempts:
        return 0
    called_off = asked.kind == InterventionKind.CANCEL and draft.number == 1
    refusals = {asked.intent_id: Refusal(CANCELLED, asked.reason)} if called_off else {}
    store_signed(attempts, leadership, refusals, also=lambda: _end(asked, InterventionEnd.DONE, now))
    return 1


def _end(asked: Intervention | SignerRelease, end: InterventionEnd, now: datetime) -> None:
    type(asked).objects.filter(pk=asked.pk, end="").update(end=end, ended_at=now)


def _lapse(asked: Intervention, leadership: Leadership, now: datetime) -> int:
    with unit_of_work():
        leadership.fence()
        _end(asked, InterventionEnd.LAPSED, now)
    return 0


def releases() -> QuerySet[SignerRelease]:
    """What two people agreed on and is not done."""
    return SignerRelease.objects.filter(end="", approved_by__isnull=False).order_by("pk")


def release_signers(*, node: Node, others: Others, leadership: Leadership, now: datetime) -> int:
    """Release what two people want released; the number of signers.

    What a stranger's transaction took the nonce of, by the word of every node as high as the books, can never be sent:
    it ends as DROPPED. Nonces go on behind the stranger's last. Where a node does not answer, the release waits.
    """
    agreed = releases().select_related("signer")
    return sum(_release(each, node, others, leadership, now) for each in agreed)


def _release(asked: SignerRelease, node: Node, others: Others, leadership: Leadership, now: datetime) -> int:
    at = blocks.stream()
    open_ = list(TxIntent.objects.filter(signer=asked.signer, state__in=UNMINED).select_related("signer"))
    hashes = {id_: [each.hash for each in own] for id_, own in attempts_of(open_).items()}
    found = None if at is None else spent_at(node, others, asked.signer, open_, hashes, at)
    if found is None:
        return 0
    spent, strangers = found
    with unit_of_work():
        leadership.fence()
        _drop(strangers, now)
        lock_nonces({asked.signer_id})
        SignerNonce.objects.filter(pk=asked.signer_id, next__lt=spent).update(next=spent)
        release_signer(role=asked.signer_id, now=now)
        _end(asked, InterventionEnd.DONE, now)
    log.warning("signer released", extra={"signer": asked.signer_id, "dropped": len(strangers)})
    return 1


def _drop(strangers: Sequence[TxIntent], now: datetime) -> None:
    ids = [intent.id for intent in strangers]
    dropped = TxIntent.objects.filter(pk__in=ids, state__in=UNMINED)
    dropped.update(state=IntentState.DROPPED, reason=FOREIGN_TRANSACTION, finished_at=now)
    TxAttemptOutcome.objects.bulk_create(
        TxAttemptOutcome(attempt=each, outcome=AttemptOutcome.REPLACED, at=now)
        for each in TxAttempt.objects.filter(intent_id__in=ids).order_by("pk")
    )
    lapse_interventions(ids, now)
    publish_ends(list(TxIntent.objects.filter(pk__in=ids).defer("data").order_by("nonce")))
