"""Reading runs and breaks."""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from apps.reconciliation.errors import UnknownRun
from apps.reconciliation.models import Break, BreakEvent, CutOff, Run
from apps.reconciliation.types import SEVERITIES, SIGHTINGS, BreakChange, BreakKind, BreakView, CutOffView, RunView


def runs_of() -> QuerySet[Run]:
    """Runs as rows for a page."""
    return Run.objects.select_related("cut_off")


def run(run_id: UUID) -> RunView:
    """One run with the breaks it saw. Raises UnknownRun."""
    row = runs_of().filter(pk=run_id).first()
    if row is None:
        raise UnknownRun
    events = row.events.exclude(change=BreakChange.CLEARED).select_related("found").order_by("kind", "pk")
    return run_view(row, events)


def last_run(isin: str) -> RunView | None:
    """The newest run of a security, without its breaks; None before the first."""
    row = runs_of().filter(isin=isin).order_by("-pk").first()
    return run_view(row) if row else None


def breaks_of() -> QuerySet[Break]:
    """Breaks as rows for a page, each with the event of the run that last saw it."""
    seen = BreakEvent.objects.filter(found=OuterRef("found_id"), change__in=SIGHTINGS).order_by("-pk")
    newest = BreakEvent.objects.filter(pk=Subquery(seen.values("pk")[:1]))
    return Break.objects.prefetch_related(Prefetch("events", newest, to_attr="last_seen"))


def break_view(row: Break) -> BreakView:
    """One row of breaks_of(), as it was last seen."""
    event: BreakEvent = row.last_seen[0]  # type: ignore[attr-defined]
    return _view(event, row)


def _view(event: BreakEvent, row: Break) -> BreakView:
    return BreakView(
        id=row.pk,
        isin=row.isin,
        kind=event.kind,
        state=row.state,
        asset=event.asset,
        decimals=event.decimals,
        wallet_address=row.wallet_address,
        expected=event.books_amount,
        actual=event.chain_amount,
        events=event.events_amount,
        tx_hash=event.tx_hash,
        message=event.message,
        details=event.details,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        run_id=cast("UUID", event.run_id),
        severity=SEVERITIES[BreakKind(event.kind)],
        owner_id=row.owner_id,
        remedy=event.remedy,
    )


def run_view(row: Run, events: Iterable[BreakEvent] = ()) -> RunView:
    """A run as other rooms see it."""
    return RunView(
        id=row.pk,
        isin=row.isin,
        depth=row.depth,
        whole=row.whole,
        status=row.status,
        cut_off=_cut_off(row.cut_off) if row.cut_off else None,
        problems=tuple(row.problems),
        wallets=row.wallets,
        unknown_reads=row.unknown_reads,
        in_flight=row.in_flight,
        breaks_found=row.breaks_found,
        started_at=row.started_at,
        finished_at=row.finished_at,
        user_id=row.user_id,
        breaks=tuple(_view(event, event.found) for event in events),
    )


def _cut_off(row: CutOff) -> CutOffView:
    return CutOffView(
        chain_id=row.chain_id,
        block_number=row.block_number,
        block_hash=row.block_hash,
        block_time=row.block_time,
        state_root=row.state_root,
        ledger_sequence=row.ledger_sequence,
        endpoints=tuple(row.endpoints),
    )
