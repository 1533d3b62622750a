"""The second person's half: a draft is approved, which gives it its nonce, or dropped."""

from datetime import datetime
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import IntentDecided, UnknownIntent
from apps.chain.models import SignerNonce, TxIntent
from apps.chain.selectors.intents import view
from apps.chain.services.intents import CHANNEL, lock_nonces
from apps.chain.services.reporting import publish_ends
from apps.chain.types import IntentState, IntentView
from apps.core.actor import Actor
from apps.core.db import notify, within_unit_of_work

REFUSED = "REFUSED"
MAY = ("OPS", "COMPLIANCE")


@within_unit_of_work
def approve_intent(*, actor: Actor, intent_id: UUID, now: datetime) -> IntentView:
    """Approve a draft: it has its signer's next nonce from this commit on.

    The approver's repeated call returns the intent as it stands. Raises RoleRequired, UnknownIntent, SamePerson (by
    the database) for its maker, IntentDecided.
    """
    actor.require_role(*MAY)
    intent = _locked(intent_id)
    if intent.state != IntentState.DRAFT:
        if intent.approved_by == actor.require_user():
            return view(intent)
        raise IntentDecided(state=intent.state)
    intent.state, intent.approved_by, intent.approved_at = IntentState.APPROVED, actor.require_user(), now
    intent.save(update_fields=["state", "approved_by", "approved_at"])
    lock_nonces({intent.signer_id})
    nonce = SignerNonce.objects.get(pk=intent.signer_id)
    intent.state, intent.nonce = IntentState.NONCED, nonce.next
    intent.save(update_fields=["state", "nonce"])
    nonce.next += 1
    nonce.save(update_fields=["next"])
    _audit(actor, "chain.intent_approved", intent)
    notify(CHANNEL)
    return view(intent)


@within_unit_of_work
def drop_intent(*, actor: Actor, intent_id: UUID, reason: str, now: datetime) -> IntentView:
    """Refuse a draft, or as its maker withdraw it; its end is published as "chain.intent_failed".

    Raises RoleRequired, UnknownIntent, IntentDecided.
    """
    actor.require_role(*MAY)
    intent = _locked(intent_id)
    if intent.state != IntentState.DRAFT:
        raise IntentDecided(state=intent.state)
    intent.state, intent.reason, intent.reason_detail = IntentState.DROPPED, REFUSED, reason[:500]
    intent.finished_at = now
    intent.save(update_fields=["state", "reason", "reason_detail", "finished_at"])
    publish_ends([intent])
    _audit(actor, "chain.intent_dropped", intent)
    return view(intent)


def _locked(intent_id: UUID) -> TxIntent:
    intent = TxIntent.objects.select_for_update(of=("self",), no_key=True).filter(pk=intent_id).first()
    if intent is None:
        raise UnknownIntent
    return intent


def _audit(actor: Actor, action: str, intent: TxIntent) -> None:
    log_audit_event(
        actor=actor,
        action=action,
        resource_type="chain_intent",
        resource_id=intent.pk,
        before={"state": IntentState.DRAFT.value},
        after={"state": str(intent.state), "reason": intent.reason_detail},
    )
