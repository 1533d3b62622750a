"""Breaks are for a person: an alert stays open for a security while its books and the chain differ."""

from datetime import datetime

from apps.core.alerts import raise_alert, resolve_alert
from apps.core.db import within_unit_of_work
from apps.core.types import Severity
from apps.reconciliation.models import Break, Run
from apps.reconciliation.types import BreakState, RunStatus

CONCLUSIVE = (RunStatus.CLEAN, RunStatus.BREAKS)


def breaks_key(isin: str) -> str:
    """The alert's key while `isin` has open breaks."""
    return f"reconciliation.breaks:{isin}"


@within_unit_of_work
def alert_of(run: Run, *, now: datetime) -> None:
    """Raise while breaks are open; resolve when a run that could tell left none."""
    number = Break.objects.filter(isin=run.isin, state=BreakState.OPEN).count()
    if number:
        raise_alert(
            dedup_key=breaks_key(run.isin),
            severity=Severity.CRITICAL,
            summary=f"Books and chain differ in {run.isin}: {number} open breaks as of run {run.pk}.",
            now=now,
            source="reconciliation",
        )
    elif run.status in CONCLUSIVE:
        resolve_alert(dedup_key=breaks_key(run.isin), now=now)
