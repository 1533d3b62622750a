"""Numbers for operators."""

from datetime import datetime

from django.db.models import Max

from apps.reconciliation.models import Break, Run
from apps.reconciliation.types import BreakState, RunStatus


def metrics(*, now: datetime) -> dict[str, float]:
    """Open breaks, and the age of the last run that came to a conclusion (-1 before the first)."""
    conclusive = Run.objects.filter(status__in=[RunStatus.CLEAN, RunStatus.BREAKS])
    last = conclusive.aggregate(last=Max("finished_at"))["last"]
    return {
        "bookentry_reconciliation_breaks_open": Break.objects.filter(state=BreakState.OPEN).count(),
        "bookentry_reconciliation_last_run_age_seconds": (now - last).total_seconds() if last else -1,
    }
