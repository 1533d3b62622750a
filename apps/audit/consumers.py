"""What is written into the trail of rooms below it, which cannot do so themselves."""

from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor, system_actor
from apps.core.registry import Event


def on_vault_event(event: Event) -> None:
    """A subject was erased, held, or released."""
    facts = dict(event.payload)
    by = facts.pop("by")
    actor = Actor(user_id=UUID(by) if by else None, party_id=None, request_id=event.request_id)
    log_audit_event(actor=actor, action=event.topic, resource_type="subject", resource_id=event.key, after=facts)


def on_rotation_moved(event: Event) -> None:
    """A rotation of keys went on to another stage: rows it encrypts anew are in the log by this alone."""
    log_audit_event(
        actor=system_actor(event.request_id),
        action=event.topic,
        resource_type="key_rotation",
        resource_id=event.key,
        after=event.payload,
    )
