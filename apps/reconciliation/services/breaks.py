"""What officers do about a break before it is resolved: give it an owner, and explain it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.accounts.selectors.members import actor_of_user
from apps.accounts.types import STAFF_ROLES
from apps.audit.services.trail import log_audit_event
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.reconciliation.errors import BreakClosed, NotAnOfficer, UnknownBreak
from apps.reconciliation.models import Break, BreakEvent
from apps.reconciliation.selectors.breaks import break_of, last_sightings
from apps.reconciliation.types import BREAK_ASSIGNED, UNSETTLED, BreakChange, BreakView


@unit_of_work()
def assign_break(*, actor: Actor, break_id: UUID, owner_id: UUID, now: datetime) -> BreakView:
    """Give an open break to an officer, who is told; the break. To its present owner it is a no-op.

    Raises RoleRequired, UnknownBreak, BreakClosed, NotAnOfficer.
    """
    row = open_break(actor, break_id)
    member = actor_of_user(owner_id)
    if member is None or not member.roles & STAFF_ROLES:
        raise NotAnOfficer
    if row.owner_id == owner_id:
        return break_of(break_id)
    before, row.owner_id = row.owner_id, owner_id
    row.save(update_fields=["owner_id"])
    add_event(row, actor, BreakChange.ASSIGNED, "", now, owner_id=str(owner_id))
    audit(actor, row, "break_assigned", {"owner_id": before and str(before)}, {"owner_id": str(owner_id)})
    outbox.publish(topic=BREAK_ASSIGNED, key=str(row.pk), payload={"break_id": str(row.pk), "owner_id": str(owner_id)})
    return break_of(break_id)


@unit_of_work()
def explain_break(*, actor: Actor, break_id: UUID, text: str, now: datetime) -> BreakView:
    """Say what a break is, whether it is open or not; the break. Raises RoleRequired, UnknownBreak."""
    row = locked_break(actor, break_id)
    event = add_event(row, actor, BreakChange.EXPLAINED, text, now)
    audit(actor, row, "break_explained", None, {"event_id": event.pk})
    return break_of(break_id)


def locked_break(actor: Actor, break_id: UUID) -> Break:
    """The break, locked until the unit of work ends. Raises RoleRequired, UnknownBreak."""
    actor.require_role(*STAFF_ROLES)
    row = Break.objects.select_for_update(of=("self",), no_key=True).filter(pk=break_id).first()
    if row is None:
        raise UnknownBreak
    return row


def open_break(actor: Actor, break_id: UUID) -> Break:
    """The break, locked, if it is open. Raises RoleRequired, UnknownBreak, BreakClosed."""
    row = locked_break(actor, break_id)
    if row.state not in UNSETTLED:
        raise BreakClosed(state=row.state)
    return row


def add_event(row: Break, actor: Actor, change: BreakChange, message: str, now: datetime, **details: Any) -> BreakEvent:
    """Write down what a person did about a break."""
    seen = last_sightings([row])[row.pk]
    return BreakEvent.objects.create(
        found=row,
        user_id=actor.require_user(),
        change=change,
        kind=row.kind,
        asset=seen.asset,
        decimals=seen.decimals,
        message=message,
        details=details,
        recorded_at=now,
    )


def audit(actor: Actor, row: Break, what: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
    """The audit row of an act upon a break."""
    log_audit_event(
        actor=actor,
        action=f"reconciliation.{what}",
        resource_type="reconciliation_break",
        resource_id=row.pk,
        before=before,
        after=after,
    )
