"""Breaks are for a person: an alert stays open for a security while its books and the chain differ."""

from datetime import datetime

from django.db.models import QuerySet

from apps.core.alerts import URGENCY, raise_alert, resolve_alert
from apps.core.db import within_unit_of_work
from apps.core.types import Severity
from apps.reconciliation.models import Break, Run
from apps.reconciliation.types import SEVERITIES, UNSETTLED, BreakKind, RunStatus

CONCLUSIVE = (RunStatus.CLEAN, RunStatus.BREAKS)


def breaks_key(isin: str) -> str:
    """The alert's key while `isin` has open breaks."""
    return f"reconciliation.breaks:{isin}"


@within_unit_of_work
def alert_of(run: Run, *, now: datetime) -> None:
    """Raise while breaks are open, as grave as the gravest; resolve when a run that could tell left none."""
    found = _unsettled(run.isin)
    if number := found.count():
        kinds = found.values_list("kind", flat=True).distinct()
        raise_alert(
            dedup_key=breaks_key(run.isin),
            severity=max((SEVERITIES[BreakKind(kind)] for kind in kinds), key=URGENCY.index),
            summary=f"Books and chain differ in {run.isin}: {number} open breaks as of run {run.pk}.",
            now=now,
            source="reconciliation",
        )
    elif run.status in CONCLUSIVE:
        resolve_alert(dedup_key=breaks_key(run.isin), now=now)


@within_unit_of_work
def alert_of_nodes(isin: str, *, disagree: bool, agree: bool, now: datetime) -> None:
    """Raise while nodes say different things about a block that is final here; resolve when all that said it agree."""
    key = f"reconciliation.nodes:{isin}"
    if disagree:
        summary = f"Nodes disagree about the block at which {isin} is reconciled: one of them lies, or follows a fork."
        raise_alert(dedup_key=key, severity=Severity.CRITICAL, summary=summary, now=now, source="reconciliation")
    elif agree:
        resolve_alert(dedup_key=key, now=now)


@within_unit_of_work
def alert_of_attesting(isin: str, *, refused: str, now: datetime) -> None:
    """Raise while positions are not attested, `refused` saying why; resolve when it is empty."""
    key = f"reconciliation.attesting:{isin}"
    if refused:
        summary = f"The positions of {isin} could not be attested: {refused}"[:300]
        raise_alert(dedup_key=key, severity=Severity.ERROR, summary=summary, now=now, source="reconciliation")
    else:
        resolve_alert(dedup_key=key, now=now)


@within_unit_of_work
def alert_after_resolving(isin: str, *, now: datetime) -> None:
    """Resolve the alert when the last open break of the security was resolved."""
    if not _unsettled(isin).exists():
        resolve_alert(dedup_key=breaks_key(isin), now=now)


def _unsettled(isin: str) -> QuerySet[Break]:
    return Break.objects.filter(isin=isin, state__in=UNSETTLED)
