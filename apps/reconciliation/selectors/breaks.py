"""Reading a break: as it was last seen, what happened to it, and what is to become of it."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.reconciliation.errors import UnknownBreak, UnknownResolution
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.selectors.evidence import evidence_of
from apps.reconciliation.selectors.runs import break_view, breaks_of
from apps.reconciliation.types import (
    SIGHTINGS,
    BreakDetail,
    BreakEventView,
    BreakView,
    ResolutionState,
    ResolutionView,
)


def break_of(break_id: UUID) -> BreakView:
    """One break as it was last seen. Raises UnknownBreak."""
    row = breaks_of().filter(pk=break_id).first()
    if row is None:
        raise UnknownBreak
    return break_view(row)


def break_detail(break_id: UUID) -> BreakDetail:
    """One break with its events, its resolutions and what is stored about it. Raises UnknownBreak."""
    found = break_of(break_id)
    made = resolution_views(Resolution.objects.filter(found=break_id).order_by("pk"))
    happened = BreakEvent.objects.filter(found=break_id).order_by("pk")
    return BreakDetail(found, tuple(map(event_view, happened)), made, evidence_of(found, [each.id for each in made]))


def resolution(resolution_id: UUID) -> ResolutionView:
    """One resolution. Raises UnknownResolution."""
    found = resolution_views(Resolution.objects.filter(pk=resolution_id))
    if not found:
        raise UnknownResolution
    return found[0]


def open_resolution(break_id: UUID) -> ResolutionView:
    """The proposal that waits for a second person. Raises UnknownResolution where none does."""
    found = resolution_views(Resolution.objects.filter(found=break_id, state=ResolutionState.PROPOSED))
    if not found:
        raise UnknownResolution
    return found[0]


def resolution_views(rows: Iterable[Resolution]) -> tuple[ResolutionView, ...]:
    """Resolutions as other rooms see them."""
    rows = list(rows)
    seen = last_sightings([row.found_id for row in rows])
    return tuple(_resolution_view(row, seen[row.found_id].decimals) for row in rows)


def last_sightings(breaks: Collection[Break] | Collection[UUID]) -> dict[UUID, BreakEvent]:
    """The event of the run that last saw each of these breaks, by the break's id."""
    seen: QuerySet[BreakEvent] = BreakEvent.objects.filter(found__in=breaks, change__in=SIGHTINGS)
    return {event.found_id: event for event in seen.order_by("found_id", "-pk").distinct("found_id")}


def event_view(row: BreakEvent) -> BreakEventView:
    """What a run saw or a person did."""
    return BreakEventView(
        id=row.pk,
        change=row.change,
        run_id=row.run_id,
        user_id=row.user_id,
        kind=row.kind,
        expected=row.books_amount,
        actual=row.chain_amount,
        events=row.events_amount,
        tx_hash=row.tx_hash,
        message=row.message,
        details=row.details,
        recorded_at=row.recorded_at,
    )


def _resolution_view(row: Resolution, decimals: int) -> ResolutionView:
    return ResolutionView(
        id=row.pk,
        break_id=row.found_id,
        kind=row.kind,
        state=row.state,
        reason=row.reason,
        asset=row.asset,
        decimals=decimals,
        remedy=row.remedy,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        transfer_id=row.transfer_id,
    )
