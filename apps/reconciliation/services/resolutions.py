"""How a break is closed: one person proposes, another decides. The database refuses one who is both.

A break whose units differ is closed by the ledger transfer that its remedy says; one in which no units of the books
differ, by accepting what is found as it is found. See docs/adr/0022.
"""

from datetime import datetime
from uuid import UUID

from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import Advisory, constraint_error, lock_for_transaction, unit_of_work
from apps.core.errors import SamePerson
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import transfer_many
from apps.ledger.types import AccountKey, Transfer, TransferKind
from apps.reconciliation.errors import (
    BreakChanged,
    NoRemedy,
    NotAcceptable,
    ResolutionDecided,
    ResolutionOpen,
    UnknownResolution,
)
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.selectors.breaks import last_sightings, resolution
from apps.reconciliation.services.alerting import alert_after_resolving
from apps.reconciliation.services.breaks import add_event, audit, locked_break, open_break
from apps.reconciliation.services.fingerprints import remedy_from_json
from apps.reconciliation.types import (
    ACCEPTABLE_KINDS,
    BREAK_RESOLVED,
    RESOLUTION_PROPOSED,
    RESOLUTION_REJECTED,
    BreakChange,
    BreakState,
    ResolutionKind,
    ResolutionState,
    ResolutionView,
)

constraint_error("recon_resolution_two_people", SamePerson)
constraint_error("recon_resolution_one_open", ResolutionOpen)


@unit_of_work()
def propose_resolution(
    *, actor: Actor, break_id: UUID, kind: ResolutionKind, reason: str, now: datetime
) -> ResolutionView:
    """Propose what is to become of an open break, as the last run saw it; the resolution.

    Raises RoleRequired, UnknownBreak, BreakClosed, ResolutionOpen; NoRemedy for POST where no entry mends it;
    NotAcceptable for ACCEPT where units of the books differ.
    """
    row = open_break(actor, break_id)
    if row.state == BreakState.PROPOSED:
        raise ResolutionOpen
    seen = last_sightings([row])[row.pk]
    _require_possible(kind, seen)
    made = Resolution.objects.create(
        found=row,
        kind=kind,
        reason=reason,
        asset=seen.asset,
        remedy=seen.remedy if kind == ResolutionKind.POST else None,
        fingerprint=seen.fingerprint,
        proposed_by=actor.require_user(),
        proposed_at=now,
    )
    _move(row, BreakState.PROPOSED)
    add_event(row, actor, BreakChange.PROPOSED, reason, now, resolution_id=str(made.pk), kind=str(kind))
    audit(actor, row, "resolution_proposed", None, {"resolution_id": str(made.pk), "kind": str(kind)})
    _tell(RESOLUTION_PROPOSED, made)
    return resolution(made.pk)


@unit_of_work()
def approve_resolution(*, actor: Actor, resolution_id: UUID, now: datetime) -> ResolutionView:
    """Carry out what another person proposed: post its entry, citing the resolution, or accept what is found.

    The approver's repeated call is a no-op. Raises RoleRequired, UnknownResolution, ResolutionDecided, SamePerson (by
    the database), BreakChanged if a run has seen the break otherwise since, and what the ledger raises for an entry
    that it cannot post.
    """
    row, made = _locked(actor, resolution_id)
    if made.state == ResolutionState.APPROVED and made.decided_by == actor.user_id:
        return resolution(made.pk)
    _require_open(made)
    _require_as_proposed(made, last_sightings([row])[row.pk])
    posted = _post(made, now) if made.kind == ResolutionKind.POST else None
    _decide(made, actor, ResolutionState.APPROVED, now, transfer_id=posted)
    row.resolved_at, row.accepted = now, made.fingerprint if made.kind == ResolutionKind.ACCEPT else ""
    _move(row, BreakState.RESOLVED, "resolved_at", "accepted")
    add_event(row, actor, BreakChange.RESOLVED, "", now, resolution_id=str(made.pk), transfer_id=posted)
    after = {"resolution_id": str(made.pk), "proposed_by": str(made.proposed_by), "transfer_id": posted}
    audit(actor, row, "resolution_approved", {"state": str(BreakState.PROPOSED)}, after)
    alert_after_resolving(row.isin, now=now)
    _tell(BREAK_RESOLVED, made)
    return resolution(made.pk)


@unit_of_work()
def reject_resolution(*, actor: Actor, resolution_id: UUID, reason: str, now: datetime) -> ResolutionView:
    """Turn down what another person proposed: the break is open again.

    The same person's repeated call is a no-op. Raises RoleRequired, UnknownResolution, ResolutionDecided, SamePerson
    (by the database).
    """
    row, made = _locked(actor, resolution_id)
    if made.state == ResolutionState.REJECTED and made.decided_by == actor.user_id:
        return resolution(made.pk)
    _require_open(made)
    _decide(made, actor, ResolutionState.REJECTED, now)
    _move(row, BreakState.OPEN)
    add_event(row, actor, BreakChange.REJECTED, reason, now, resolution_id=str(made.pk))
    audit(actor, row, "resolution_rejected", None, {"resolution_id": str(made.pk)})
    _tell(RESOLUTION_REJECTED, made)
    return resolution(made.pk)


def ref_of(resolution_id: UUID) -> str:
    """What names a resolution to the ledger."""
    return f"resolution:{resolution_id}"


def _require_possible(kind: ResolutionKind, seen: BreakEvent) -> None:
    if kind == ResolutionKind.POST and seen.remedy is None:
        raise NoRemedy
    # A sighting without a fingerprint is of a time before there were any: the next run gives it one.
    acceptable = seen.kind in ACCEPTABLE_KINDS and seen.remedy is None and seen.fingerprint
    if kind == ResolutionKind.ACCEPT and not acceptable:
        raise NotAcceptable


def _locked(actor: Actor, resolution_id: UUID) -> tuple[Break, Resolution]:
    """Both, locked in the order in which a run locks: its security, the break."""
    found = Resolution.objects.filter(pk=resolution_id).values_list("found_id", "found__isin").first()
    if found is None:
        actor.require_role("OPS", "COMPLIANCE")
        raise UnknownResolution
    lock_for_transaction(Advisory.RECONCILIATION, found[1])
    row = locked_break(actor, found[0])
    return row, Resolution.objects.select_for_update(of=("self",), no_key=True).get(pk=resolution_id)


def _require_open(made: Resolution) -> None:
    if made.state != ResolutionState.PROPOSED:
        raise ResolutionDecided(state=made.state)


def _require_as_proposed(made: Resolution, seen: BreakEvent) -> None:
    """An entry is that of the last sighting still; what is accepted is what was seen, in all of it."""
    same_entry = (seen.asset, seen.remedy) == (made.asset, made.remedy)
    if not (same_entry if made.kind == ResolutionKind.POST else seen.fingerprint == made.fingerprint):
        raise BreakChanged


def _decide(
    made: Resolution, actor: Actor, state: ResolutionState, now: datetime, transfer_id: int | None = None
) -> None:
    made.state, made.decided_by, made.decided_at, made.transfer_id = state, actor.require_user(), now, transfer_id
    made.save(update_fields=["state", "decided_by", "decided_at", "transfer_id"])


def _move(row: Break, state: BreakState, *with_fields: str) -> None:
    row.state = state
    row.save(update_fields=["state", *with_fields])


def _post(made: Resolution, now: datetime) -> int:
    """Post exactly the proposed entry; the transfer's id."""
    if made.remedy is None:
        raise RuntimeError("an entry is proposed with its remedy")
    remedy = remedy_from_json(made.remedy)
    sides = [AccountKey(made.asset, *side) for side in (remedy.debit, remedy.credit)]
    accounts = ensure_accounts(keys=sides)
    debit, credit = (accounts[side] for side in sides)
    key = ref_of(made.pk)
    transfer = Transfer(key, debit, credit, remedy.amount, TransferKind.CORRECTION, key, now)
    return transfer_many([transfer])[key]


def _tell(topic: str, made: Resolution) -> None:
    payload = {"resolution_id": str(made.pk), "break_id": str(made.found_id)}
    outbox.publish(topic=topic, key=str(made.pk), payload=payload)
