"""What a person may do about a node: let it back, or have it asked no more."""

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

    Raises UnknownEndpoint. Whether it is well the engines see with their next step.
    """
    _require_known(name, now)
    rows.release(name, now)
    _record(actor, "chain.endpoint_released", name, reason)


@within_unit_of_work
def disable_endpoint(*, actor: Actor, name: str, reason: str, now: datetime) -> None:
    """Ask the node no more until it is released. Raises UnknownEndpoint."""
    _require_known(name, now)
    rows.disable(name, EndpointReason.BY_HAND, now)
    _record(actor, "chain.endpoint_disabled", name, reason)


def _require_known(name: str, now: datetime) -> None:
    if name not in configured():
        raise UnknownEndpoint(endpoint=name)
    rows.rows_of(configured(), now)


def _record(actor: Actor, action: str, name: str, reason: str) -> None:
    log_audit_event(
        actor=actor, action=action, resource_type="chain_endpoint", resource_id=name, after={"reason": reason}
    )
