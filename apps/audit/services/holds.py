"""Legal holds on events, and the endings from which some periods run. What frees an event takes two people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit.errors import EndingTold, HoldStep, InvalidHold, UnknownAuditHold
from apps.audit.models import AuditEnding, AuditHold
from apps.audit.services.trail import log_audit_event
from apps.audit.types import HoldKind, HoldReason
from apps.core.actor import Actor
from apps.core.db import constraint_error, unit_of_work
from apps.core.errors import SamePerson
from apps.vault.selectors.holds import is_erased, is_held
from apps.vault.services import holds as vault

constraint_error("audit_hold_two_people", SamePerson)
constraint_error("audit_ending_two_people", SamePerson)
constraint_error("audit_ending_once", EndingTold)
for _name in ("audit_hold_names", "audit_hold_resource", "audit_hold_reference_shape", "audit_ending_named"):
    constraint_error(_name, InvalidHold)
constraint_error("audit_ending_was", InvalidHold)


@dataclass(frozen=True, slots=True)
class HoldDraft:
    """What to hold: by its kind a subject, a resource (of all its type without an id), or a time [since, until)."""

    kind: HoldKind
    reference: str
    reason: HoldReason
    subject: UUID | None = None
    resource_type: str = ""
    resource_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


def place_hold(*, actor: Actor, draft: HoldDraft, now: datetime) -> UUID:
    """Keep what the draft names from expiring; the hold's id. One compliance officer is enough.

    A hold on a subject is one of the vault's too, under the same reference: the subject cannot be erased either. What
    expires this moment is waited for; nothing expires after. Raises RoleRequired, InvalidHold.
    """
    actor.require_role("COMPLIANCE")
    user = actor.require_user()
    with unit_of_work():
        # Before the vault's: audit_expire() takes the tables in this order.
        hold = AuditHold.objects.create(
            kind=draft.kind,
            subject=draft.subject,
            resource_type=draft.resource_type,
            resource_id=draft.resource_id,
            since=draft.since,
            until=draft.until,
            reference=draft.reference,
            reason=draft.reason,
            placed_by=user,
            placed_at=now,
        )
        # Of the erased nothing is left to hold but the events.
        if draft.subject is not None and not is_erased(draft.subject):
            vault.place_hold(actor=actor, subject=draft.subject, reference=draft.reference, now=now)
        _tell(actor, "audit.hold_placed", hold, after=_said(hold))
    return hold.pk


def ask_release(*, actor: Actor, hold_id: UUID, now: datetime) -> None:
    """Ask a second person to end the hold. Raises RoleRequired, UnknownAuditHold, HoldStep if somebody asked."""
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        hold = _lock(hold_id)
        if hold.release_asked_by is not None:
            raise HoldStep
        hold.release_asked_by, hold.release_asked_at = actor.require_user(), now
        hold.save(update_fields=["release_asked_by", "release_asked_at"])
        _tell(actor, "audit.hold_release_asked", hold)


def refuse_release(*, actor: Actor, hold_id: UUID) -> None:
    """Let the hold stay: what was asked is as if it had not been. Raises RoleRequired, UnknownAuditHold, HoldStep."""
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        hold = _lock(hold_id)
        if hold.release_asked_by is None:
            raise HoldStep
        asked = str(hold.release_asked_by)
        hold.release_asked_by = hold.release_asked_at = None
        hold.save(update_fields=["release_asked_by", "release_asked_at"])
        _tell(actor, "audit.hold_release_rejected", hold, before={"release_asked_by": asked})


def release_hold(*, actor: Actor, hold_id: UUID, now: datetime) -> None:
    """End a hold as the second person; with the last hold of a matter on a subject the vault's ends.

    Raises RoleRequired, UnknownAuditHold, HoldStep if nobody asked, SamePerson (by the database) for who did.
    """
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        hold = _lock(hold_id)
        if hold.release_asked_by is None or hold.release_asked_at is None:
            raise HoldStep
        hold.released_by, hold.released_at = actor.require_user(), max(now, hold.release_asked_at)
        hold.save(update_fields=["released_by", "released_at"])
        if hold.subject is not None and not _is_held_still(hold.subject, hold.reference):
            vault.release_hold(actor=actor, subject=hold.subject, reference=hold.reference, now=now)
        _tell(actor, "audit.hold_release_approved", hold, before={"release_asked_by": str(hold.release_asked_by)})


def tell_ending(*, actor: Actor, record: str, ended_at: datetime, reference: str, now: datetime) -> UUID:
    """Say that an account or agency has ended, by the id that its events name; the ending's id.

    It counts once a second person has confirmed it. Raises RoleRequired, InvalidHold, EndingTold.
    """
    actor.require_role("COMPLIANCE")
    user = actor.require_user()
    with unit_of_work():
        ending = AuditEnding.objects.create(
            record=record, ended_at=ended_at, reference=reference, told_by=user, told_at=now
        )
        after = {"ended_at": ended_at, "record": record, "reference": reference}
        _tell(actor, "audit.ending_told", ending, after=after)
    return ending.pk


def confirm_ending(*, actor: Actor, ending_id: UUID, now: datetime) -> None:
    """Confirm an ending, as the second person. Raises RoleRequired, UnknownAuditHold, HoldStep, SamePerson."""
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        ending = _lock_ending(ending_id)
        if ending.confirmed_at is not None:
            raise HoldStep
        ending.confirmed_by, ending.confirmed_at = actor.require_user(), now
        ending.save(update_fields=["confirmed_by", "confirmed_at"])
        _tell(actor, "audit.ending_approved", ending)


def withdraw_ending(*, actor: Actor, ending_id: UUID, now: datetime) -> None:
    """Take an ending back: what it belongs to is kept again. One is enough. Raises RoleRequired, UnknownAuditHold."""
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        ending = _lock_ending(ending_id)
        ending.withdrawn_by, ending.withdrawn_at = actor.require_user(), now
        ending.save(update_fields=["withdrawn_by", "withdrawn_at"])
        _tell(actor, "audit.ending_revoked", ending)


def _lock(hold_id: UUID) -> AuditHold:
    hold = AuditHold.objects.select_for_update(no_key=True).filter(pk=hold_id, released_at=None).first()
    if hold is None:
        raise UnknownAuditHold
    return hold


def _lock_ending(ending_id: UUID) -> AuditEnding:
    ending = AuditEnding.objects.select_for_update(no_key=True).filter(pk=ending_id, withdrawn_at=None).first()
    if ending is None:
        raise UnknownAuditHold
    return ending


def _is_held_still(subject: UUID, reference: str) -> bool:
    """Whether another hold of the same matter needs the vault's, or there is none of the vault's to release."""
    others = AuditHold.objects.filter(subject=subject, reference=reference, released_at=None)
    return others.exists() or not is_held(subject, reference)


def _said(hold: AuditHold) -> dict[str, Any]:
    named = {name: getattr(hold, name) for name in ("subject", "resource_type", "resource_id", "since", "until")}
    said = {"kind": str(hold.kind), "reason": str(hold.reason), "reference": hold.reference}
    return said | {name: value for name, value in named.items() if value not in {None, ""}}


def _tell(actor: Actor, action: str, row: AuditHold | AuditEnding, *, before: Any = None, after: Any = None) -> None:
    kind = "audit_hold" if isinstance(row, AuditHold) else "audit_ending"
    log_audit_event(actor=actor, action=action, resource_type=kind, resource_id=row.pk, before=before, after=after)
