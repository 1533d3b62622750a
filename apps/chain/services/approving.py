"""The second person's half: a draft is approved, which gives it its nonce, or dropped."""

from datetime import datetime
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.chain.errors import IntentDecided, UnknownIntent
from apps.chain.models import SignerNonce, TxIntent
from apps.chain.selectors.intents import view
from apps.chain.services.intents import CHANNEL, lock_nonces
from apps.chain.services.limits import Uses
from apps.chain.services.reporting import publish_ends
from apps.chain.types import IntentState, IntentView
from apps.core.actor import Actor
from apps.core.daemon import Leadership
from apps.core.db import notify, unit_of_work, within_unit_of_work

REFUSED = "REFUSED"
AT_ONCE = 100
MAY = ("OPS", "COMPLIANCE")


@within_unit_of_work
def approve_intent(*, actor: Actor, intent_id: UUID, now: datetime) -> IntentView:
    """Approve a draft: it has its signer's next nonce from this commit on, or once the signer's limits have room.

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
    _give_nonce(intent)
    _audit(actor, "chain.intent_approved", intent, IntentState.DRAFT)
    notify(CHANNEL)
    return view(intent)


@within_unit_of_work
def _give_nonce(intent: TxIntent) -> bool:
    """The next nonce for what is approved, unless its signer's limits have no room for it."""
    lock_nonces({intent.signer_id})
    uses = Uses({intent.signer_id})
    if not uses.has_room(intent):
        return False
    nonce = SignerNonce.objects.get(pk=intent.signer_id)
    intent.state, intent.nonce = IntentState.NONCED, nonce.next
    intent.save(update_fields=["state", "nonce"])
    nonce.next += 1
    nonce.save(update_fields=["next"])
    uses.keep([intent])
    return True


def release_approved(*, leadership: Leadership) -> int:
    """Give nonces to what waits, approved, for room in its signer's limits, the first approved first; how many.

    Something large does not hold up what is smaller. Raises Deposed.
    """
    waiting = TxIntent.objects.filter(state=IntentState.APPROVED).order_by("approved_at", "id")
    released = 0
    for key in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        with unit_of_work():
            leadership.fence()
            intent = _locked(key)
            released += intent.state == IntentState.APPROVED and _give_nonce(intent)
    return released


@within_unit_of_work
def drop_intent(*, actor: Actor, intent_id: UUID, reason: str, now: datetime) -> IntentView:
    """Refuse a draft, or as its maker withdraw it, also where it is approved and waits for room in a limit.

    Its end is published as "chain.intent_failed".
    Raises RoleRequired, UnknownIntent, IntentDecided.
    """
    actor.require_role(*MAY)
    intent = _locked(intent_id)
    if intent.state not in {IntentState.DRAFT, IntentState.APPROVED}:
        raise IntentDecided(state=intent.state)
    before = IntentState(intent.state)
    intent.state, intent.reason, intent.reason_detail = IntentState.DROPPED, REFUSED, reason[:500]
    intent.finished_at = now
    intent.save(update_fields=["state", "reason", "reason_detail", "finished_at"])
    publish_ends([intent])
    _audit(actor, "chain.intent_dropped", intent, before)
    return view(intent)


def _locked(intent_id: UUID) -> TxIntent:
    intent = TxIntent.objects.select_for_update(of=("self",), no_key=True).filter(pk=intent_id).first()
    if intent is None:
        raise UnknownIntent
    return intent


def _audit(actor: Actor, action: str, intent: TxIntent, before: IntentState) -> None:
    log_audit_event(
        actor=actor,
        action=action,
        resource_type="chain_intent",
        resource_id=intent.pk,
        before={"state": before.value},
        after={"state": str(intent.state), "reason": intent.reason_detail},
    )
