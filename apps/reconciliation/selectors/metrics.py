"""Numbers for operators."""

from collections.abc import Iterator
from datetime import datetime

from apps.core.metrics import COUNTED_TO, Sample, counted_by, gauge
from apps.reconciliation.models import Break, Run
from apps.reconciliation.types import UNSETTLED, RunStatus

BREAKS_OPEN = gauge(
    "bookentry_reconciliation_breaks_open", f"Open breaks, by kind. Counted up to {COUNTED_TO}.", "kind"
)
LAST_RUN = gauge(
    "bookentry_reconciliation_last_run_age_seconds",
    "Seconds since a run last came to a conclusion; absent before the first.",
)
METRICS = (BREAKS_OPEN, LAST_RUN)


def metrics(*, now: datetime) -> Iterator[Sample]:
    """Open breaks, and the age of the last run that came to a conclusion."""
    for kind, number in counted_by(Break.objects.filter(state__in=UNSETTLED), "kind"):
        yield BREAKS_OPEN.sample(number, kind=kind)
    # Ids grow with time: the newest is the last of those that concluded.
    last = Run.objects.filter(status__in=[RunStatus.CLEAN, RunStatus.BREAKS]).order_by("-pk").first()
    if last:
        yield LAST_RUN.sample(max((now - last.finished_at).total_seconds(), 0))
