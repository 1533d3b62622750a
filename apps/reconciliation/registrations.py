"""What reconciliation registers with core's registry."""

from collections.abc import Iterable

from apps.core.metrics import Sample
from apps.core.registry import registry


def register() -> None:
    """Who does the runs that are due; metrics."""
    from apps.reconciliation.selectors.metrics import METRICS

    registry.work_kind("reconciliation.run", "reconciliation.tasks.reconcile_all")
    registry.metric("reconciliation", METRICS, read_metrics)


def read_metrics() -> Iterable[Sample]:
    """Open breaks, and how long ago a run last came to a conclusion."""
    from apps.core import clock
    from apps.reconciliation.selectors.metrics import metrics

    return metrics(now=clock.now())
