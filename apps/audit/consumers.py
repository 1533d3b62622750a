"""What is written into the trail of rooms below it, which cannot do so themselves."""

from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor
from apps.core.registry import Event


def on_vault_event(event: Event) -> None:
    """A subject was erased, held, or released."""
    facts = dict(event.payload)
    by = facts.pop("by")
    actor = Actor(user_id=UUID(by) if by else None, party_id=None, request_id=event.request_id)
    log_audit_event(actor=actor, action=event.topic, resource_type="subject", resource_id=event.key, after=facts)
