"""What a person does about a transaction on its way. The keys are the sender's: it does what is written here.

To pay above the engine's own cap, to call off what needed two people to send, and to release a frozen signer takes a
second person; the database refuses one who is the first.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import (
    FeeOutOfRange,
    IntentMoved,
    InterventionEnded,
    InterventionOpen,
    SignerNotFrozen,
    UnknownIntent,
    UnknownIntervention,
)
from apps.chain.models import Intervention, Signer, SignerRelease, TxAttempt, TxIntent
from apps.chain.services.fees import Fees, fee_cap
from apps.chain.services.intents import CHANNEL
from apps.chain.services.limits import GWEI, moves_much
from apps.chain.types import IntentState, InterventionEnd, InterventionKind
from apps.core.actor import Actor
from apps.core.db import constraint_error, notify, within_unit_of_work
from apps.core.errors import SamePerson

constraint_error("chain_intervention_two_people", SamePerson)
constraint_error("chain_release_two_people", SamePerson)
constraint_error("chain_intervention_one_open", InterventionOpen)
constraint_error("chain_release_one_open", InterventionOpen)

SENT = (IntentState.SIGNED, IntentState.BROADCAST)
UNMINED = (IntentState.NONCED, *SENT)


@within_unit_of_work
def send_again(*, actor: Actor, intent_id: UUID, reason: str) -> None:
    """Send the newest bytes once more with the sender's next step. Raises RoleRequired, UnknownIntent, IntentMoved."""
    intent = _on_its_way(actor, intent_id, SENT)
    intent.state = IntentState.SIGNED
    intent.save(update_fields=["state"])
    notify(CHANNEL)
    _audit(actor, "chain.intent_sent_again", "chain_intent", intent.pk, reason=reason)


@within_unit_of_work
def ask_bump(
    *, actor: Actor, intent_id: UUID, max_fee: int, max_priority_fee: int, reason: str, now: datetime
) -> Intervention:
    """Have it signed anew with these fees, in wei a unit of gas; above the engine's cap once a second person agrees.

    Raises RoleRequired, UnknownIntent, IntentMoved, InterventionOpen; FeeOutOfRange for fees that no pool takes in
    the place of the last ones, or above the cap for people.
    """
    intent = _on_its_way(actor, intent_id, SENT)
    last = TxAttempt.objects.filter(intent=intent).order_by("number").last()
    least = Fees(int(last.max_fee), int(last.max_priority_fee)).bumped(Fees(0, 0)) if last else Fees(0, 0)
    most = settings.SECURITY.chain.sending.human_cap_gwei * GWEI
    if not (least.max_priority_fee <= max_priority_fee <= max_fee and least.max_fee <= max_fee <= most):
        raise FeeOutOfRange(least_max_fee=least.max_fee, least_tip=least.max_priority_fee, most=most)
    fees = {"max_fee": max_fee, "max_priority_fee": max_priority_fee}
    return _ask(actor, intent, InterventionKind.BUMP, reason, now, needs_two=max_fee > fee_cap(), **fees)


@within_unit_of_work
def ask_cancel(*, actor: Actor, intent_id: UUID, reason: str, now: datetime) -> Intervention:
    """Have its nonce spent on nothing instead; what needed two people to send needs two to be called off.

    It may be too late: whichever is mined decides. Raises RoleRequired, UnknownIntent, IntentMoved, InterventionOpen.
    """
    intent = _on_its_way(actor, intent_id, UNMINED)
    needs_two = moves_much(intent.value, intent.units)
    return _ask(actor, intent, InterventionKind.CANCEL, reason, now, needs_two=needs_two)


@within_unit_of_work
def ask_release(*, actor: Actor, role: str, reason: str, now: datetime) -> SignerRelease:
    """Have a frozen signer send again, once a second person agrees.

    What a stranger's transaction took the nonce of ends as DROPPED then. Raises RoleRequired, SignerNotFrozen,
    InterventionOpen.
    """
    actor.require_role("OPS")
    signer = Signer.objects.select_for_update(no_key=True).filter(pk=role).exclude(frozen_at=None).first()
    if signer is None:
        raise SignerNotFrozen(signer=role)
    asked = SignerRelease.objects.create(signer=signer, reason=reason, asked_by=actor.require_user(), asked_at=now)
    _audit(actor, "chain.signer_release_asked", "chain_signer", role, reason=reason)
    return asked


@within_unit_of_work
def approve(*, actor: Actor, asked: Intervention | SignerRelease, now: datetime) -> None:
    """Agree as the second person. Raises RoleRequired, SamePerson (by the database), InterventionEnded."""
    row = _open(actor, asked)
    if row.approved_by is not None:
        raise InterventionEnded
    row.approved_by, row.approved_at = actor.require_user(), now
    row.save(update_fields=["approved_by", "approved_at"])
    notify(CHANNEL)
    _audit(actor, f"chain.{_word(row)}_approved", *_subject(row), asked_by=str(row.asked_by))


@within_unit_of_work
def withdraw(*, actor: Actor, asked: Intervention | SignerRelease, now: datetime) -> None:
    """Take back, or refuse, what the sender has not done. Raises RoleRequired, InterventionEnded."""
    row = _open(actor, asked)
    row.end, row.ended_at = InterventionEnd.WITHDRAWN, now
    row.save(update_fields=["end", "ended_at"])
    _audit(actor, f"chain.{_word(row)}_withdrawn", *_subject(row), asked_by=str(row.asked_by))


def _on_its_way(actor: Actor, intent_id: UUID, states: tuple[IntentState, ...]) -> TxIntent:
    actor.require_role("OPS")
    intent = TxIntent.objects.select_for_update(of=("self",), no_key=True).filter(pk=intent_id).first()
    if intent is None:
        raise UnknownIntent
    if intent.state not in states:
        raise IntentMoved(state=intent.state)
    return intent


def _ask(
    actor: Actor, intent: TxIntent, kind: InterventionKind, reason: str, now: datetime, **more: Any
) -> Intervention:
    asked = Intervention.objects.create(
        intent=intent, kind=kind, reason=reason, asked_by=actor.require_user(), asked_at=now, **more
    )
    notify(CHANNEL)
    told = {name: str(value) for name, value in more.items()}
    _audit(actor, f"chain.{_word(asked)}_asked", *_subject(asked), reason=reason, **told)
    return asked


def _open(actor: Actor, asked: Intervention | SignerRelease) -> Any:
    actor.require_role("OPS", "COMPLIANCE")
    row = type(asked).objects.select_for_update(of=("self",), no_key=True).filter(pk=asked.pk).first()
    if row is None:
        raise UnknownIntervention
    if row.end:
        raise InterventionEnded(end=row.end)
    return row


def _word(asked: Intervention | SignerRelease) -> str:
    return f"intent_{asked.kind.lower()}" if isinstance(asked, Intervention) else "signer_release"


def _subject(asked: Intervention | SignerRelease) -> tuple[str, object]:
    return ("chain_intent", asked.intent_id) if isinstance(asked, Intervention) else ("chain_signer", asked.signer_id)


def _audit(actor: Actor, action: str, kind: str, subject: object, **after: str) -> None:
    log_audit_event(actor=actor, action=action, resource_type=kind, resource_id=str(subject), after=after)
