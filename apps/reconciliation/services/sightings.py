"""What a run does to breaks: it raises, sees again, reopens, clears. Only those found and those open are read."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Greatest

from apps.reconciliation.models import Break, BreakEvent, Resolution, Run
from apps.reconciliation.selectors.breaks import last_sightings
from apps.reconciliation.services.fingerprints import fingerprint_of, remedy_as_json
from apps.reconciliation.services.reaching import Reach
from apps.reconciliation.types import (
    UNSETTLED,
    BreakChange,
    BreakState,
    Finding,
    ResolutionState,
)

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding beside the break it is, if that is known; `accepted` if two people said that it may be so."""

    finding: Finding
    row: Break | None
    fingerprint: str

    @property
    def accepted(self) -> bool:
        """Whether it is closed, and found exactly as it was accepted."""
        return self.row is not None and self.row.state == BreakState.RESOLVED and self.row.accepted == self.fingerprint

    @property
    def change(self) -> BreakChange:
        """What it means for the break."""
        if self.row is None:
            return BreakChange.RAISED
        return BreakChange.SEEN if self.row.state in UNSETTLED else BreakChange.REOPENED


def sight(findings: Sequence[Finding]) -> list[Sighting]:
    """Findings with the breaks they are, locked until the unit of work ends."""
    wanted = Break.objects.filter(identity__in=[finding.identity for finding in findings])
    known = {row.identity: row for row in wanted.select_for_update(of=("self",), no_key=True).order_by("pk")}
    return [Sighting(finding, known.get(finding.identity), fingerprint_of(finding)) for finding in findings]


def overtaken(sightings: Iterable[Sighting], *, started_at: datetime, ledger_sequence: int) -> bool:
    """Whether one of these breaks was resolved after the run had begun, or by a transfer its books do not have yet."""
    back = [s.row for s in sightings if s.row and s.row.state == BreakState.RESOLVED and not s.accepted]
    if any(row.resolved_at is not None and row.resolved_at >= started_at for row in back):
        return True
    by = Resolution.objects.filter(found__in=back, state=ResolutionState.APPROVED)
    return by.filter(transfer_id__gt=ledger_sequence).exists()


def write_sightings(run: Run, sightings: Sequence[Sighting]) -> int:
    """Raise, confirm, reopen; how many are new or back. What is found as accepted keeps its state and has no event."""
    fresh = [_raised(run, each) for each in sightings if each.row is None]
    Break.objects.bulk_create(fresh, batch_size=BATCH)
    made = {row.identity: row for row in fresh}
    counted = [each for each in sightings if not each.accepted]
    events = [_event(run, each.row or made[each.finding.identity], each) for each in counted]
    _keep([each for each in sightings if each.row], run.finished_at)
    BreakEvent.objects.bulk_create(events, batch_size=BATCH)
    return sum(event.change != BreakChange.SEEN for event in events)


def clear(run: Run, found: Collection[str], reach: Reach) -> None:
    """Clear the open breaks of the run's security that are not among the identities `found`, as far as it looked.

    What was proposed for them lapses.
    """
    unsettled = Break.objects.filter(isin=run.isin, state__in=UNSETTLED).filter(reach.breaks)
    gone = list(unsettled.exclude(identity__in=found).select_for_update(of=("self",), no_key=True).order_by("pk"))
    Resolution.objects.filter(found__in=gone, state=ResolutionState.PROPOSED).update(
        state=ResolutionState.LAPSED, decided_at=run.finished_at
    )
    last = last_sightings(gone)
    BreakEvent.objects.bulk_create([_cleared(run, row, last) for row in gone], batch_size=BATCH)
    Break.objects.filter(pk__in=[row.pk for row in gone]).update(state=BreakState.CLEARED, cleared_at=run.finished_at)


def _keep(sightings: list[Sighting], seen_at: datetime) -> None:
    """Note on the breaks that were known that they were seen, as what, and which of them are back."""
    # A run of a host whose clock is ahead, or one that ended later, may have been written before this one.
    latest = Greatest("last_seen_at", Value(seen_at))
    by_kind = sorted(sightings, key=lambda each: str(each.finding.kind))
    for kind, group in groupby(by_kind, key=lambda each: each.finding.kind):
        rows = [each.row.pk for each in group if each.row]
        Break.objects.filter(pk__in=rows).update(kind=kind, last_seen_at=latest)
    back = [each.row.pk for each in sightings if each.row and each.change == BreakChange.REOPENED and not each.accepted]
    Break.objects.filter(pk__in=back).update(state=BreakState.OPEN, cleared_at=None, resolved_at=None, accepted="")


def _raised(run: Run, sighting: Sighting) -> Break:
    return Break(
        identity=sighting.finding.identity,
        isin=run.isin,
        kind=sighting.finding.kind,
        wallet_address=sighting.finding.wallet_address,
        first_run=run,
        first_seen_at=run.finished_at,
        last_seen_at=run.finished_at,
    )


def _event(run: Run, row: Break, sighting: Sighting) -> BreakEvent:
    finding = sighting.finding
    return BreakEvent(
        found=row,
        run=run,
        change=sighting.change,
        kind=finding.kind,
        asset=finding.asset,
        decimals=finding.decimals,
        books_amount=finding.books,
        events_amount=finding.events,
        chain_amount=finding.chain,
        tx_hash=finding.tx_hash,
        message=finding.message,
        details=finding.details,
        remedy=remedy_as_json(finding.remedy),
        fingerprint=sighting.fingerprint,
    )


def _cleared(run: Run, row: Break, last: dict[UUID, BreakEvent]) -> BreakEvent:
    seen = last[row.pk]
    return BreakEvent(
        found=row,
        run=run,
        change=BreakChange.CLEARED,
        kind=row.kind,
        asset=seen.asset,
        decimals=seen.decimals,
        message="No longer found.",
    )
