"""What a person may do about a node: let it back, or have it asked no more, for a while or until it is let back."""

from datetime import datetime

from apps.audit.services.trail import log_audit_event
from apps.chain.endpoints import rows
from apps.chain.endpoints.sessions import configured
from apps.chain.errors import UnknownEndpoint
from apps.chain.types.endpoints import EndpointReason
from apps.core.actor import Actor
from apps.core.db import within_unit_of_work


@within_unit_of_work
def release_endpoint(*, actor: Actor, name: str, reason: str, now: datetime) -> None:
    """Ask the node again, as if it had never failed; what it takes in one question is learned anew.

    Raises RoleRequired, UnknownEndpoint. Whether it is well the engines see with their next step.
    """
    _require_known(actor, name, now)
    rows.release(name, now)
    _record(actor, "chain.endpoint_released", name, reason)


@within_unit_of_work
def quarantine_endpoint(*, actor: Actor, name: str, reason: str, until: datetime, now: datetime) -> None:
    """Ask the node no more before `until`, not even for want of a better one.

    Raises RoleRequired, UnknownEndpoint; EndpointDisabled for one that is not asked for longer than that.
    """
    _require_known(actor, name, now)
    rows.put_aside(name, until, now)
    _record(actor, "chain.endpoint_quarantined", name, reason, until=until)


@within_unit_of_work
def disable_endpoint(*, actor: Actor, name: str, reason: str, now: datetime) -> None:
    """Ask the node no more until it is released. Raises RoleRequired, UnknownEndpoint."""
    _require_known(actor, name, now)
    rows.disable(name, EndpointReason.BY_HAND, now)
    _record(actor, "chain.endpoint_disabled", name, reason)


def _require_known(actor: Actor, name: str, now: datetime) -> None:
    actor.require_role("OPS", "SYSTEM")
    if name not in configured():
        raise UnknownEndpoint(endpoint=name)
    rows.rows_of(configured(), now)


def _record(actor: Actor, action: str, name: str, reason: str, **more: object) -> None:
    after = {"reason": reason, **more}
    log_audit_event(actor=actor, action=action, resource_type="chain_endpoint", resource_id=name, after=after)
