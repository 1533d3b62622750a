"""Numbers for operators: what each room registered, as JSON or Prometheus text."""

import logging
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from apps.core.models import EngineState, OutboxPending, WorkItem
from apps.core.registry import registry
from apps.core.types import WorkState

log = logging.getLogger(__name__)


def read_metrics() -> dict[str, float]:
    """Every registered number by its name. A room that fails to answer is left out and logged."""
    found: dict[str, float] = {}
    for name, read in sorted(registry.metrics.items()):
        try:
            found.update(read())
        except Exception:
            log.exception("metric failed", extra={"metric": name})
    return found


def prometheus_text() -> bytes:
    """The same numbers in the Prometheus text format."""
    collector = CollectorRegistry()
    for name, value in read_metrics().items():
        Gauge(name, name.replace("_", " "), registry=collector).set(value)
    return generate_latest(collector)


def outbox_metrics() -> dict[str, float]:
    """Events waiting for the relay, and those set aside."""
    pending = OutboxPending.objects
    return {
        "bookentry_outbox_waiting": pending.filter(dead_at=None).count(),
        "bookentry_outbox_dead": pending.exclude(dead_at=None).count(),
    }


def work_metrics() -> dict[str, float]:
    """Leased work by state."""
    items = WorkItem.objects
    return {
        "bookentry_work_queued": items.filter(state=WorkState.QUEUED).count(),
        "bookentry_work_leased": items.filter(state=WorkState.LEASED).count(),
        "bookentry_work_dead": items.filter(state=WorkState.DEAD).count(),
    }


def engine_metrics(now: datetime) -> dict[str, float]:
    """Seconds since each engine's last heartbeat, and its epoch."""
    found: dict[str, float] = {}
    for state in EngineState.objects.exclude(heartbeat_at=None):
        if state.heartbeat_at:
            seconds = (now - state.heartbeat_at).total_seconds()
            found[f"bookentry_engine_{state.name}_heartbeat_age_seconds"] = round(seconds, 3)
        found[f"bookentry_engine_{state.name}_epoch"] = state.epoch
    return found
