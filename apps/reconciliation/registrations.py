"""What reconciliation registers with core's registry."""

from collections.abc import Mapping

from apps.core.registry import registry


def register() -> None:
    """Metrics."""
    registry.metric("reconciliation", read_metrics)


def read_metrics() -> Mapping[str, float]:
    """Open breaks, and how long ago a run last came to a conclusion."""
    from apps.core import clock
    from apps.reconciliation.selectors.metrics import metrics

    return metrics(now=clock.now())
