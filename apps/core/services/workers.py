"""Whether Celery's workers work: rows written by tasks that came through the broker."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.core.db import unit_of_work
from apps.core.models import WorkerHeartbeat
from apps.core.registry import Health

# A beat is due every five seconds: see apps.core.pulse.
STALE = timedelta(seconds=30)
FORGOTTEN = timedelta(days=1)


def beat_heart(*, worker: str, pid: int) -> None:
    """Write down that this worker's own message reached it, and forget workers long gone."""
    with unit_of_work():
        _mark("beat_at", WorkerHeartbeat(name=worker, pid=pid, beat_at=Now()))
        WorkerHeartbeat.objects.filter(beat_at__lt=Now() - FORGOTTEN).delete()


def note_busy(*, worker: str, pid: int) -> None:
    """Write down that all the worker's hands are full: its own message waits behind them."""
    with unit_of_work():
        _mark("busy_at", WorkerHeartbeat(name=worker, pid=pid, busy_at=Now()))


def _mark(column: str, row: WorkerHeartbeat) -> None:
    WorkerHeartbeat.objects.bulk_create(
        [row], update_conflicts=True, update_fields=["pid", column], unique_fields=["name"]
    )


def last_beat(*, worker: str, pid: int) -> datetime | None:
    """When this worker's heart last beat; None for never."""
    found = WorkerHeartbeat.objects.filter(name=worker, pid=pid).values_list("beat_at", flat=True)
    return found.first()


def is_alive(*, worker: str) -> bool:
    """Whether the worker consumes, or is known to be busy."""
    return _alive().filter(name=worker).exists()


def number_alive() -> int:
    """Workers that consume."""
    return _alive().count()


def workers_health() -> Health:
    """Some worker consumes; without one its work waits, and nothing is lost."""
    if number_alive():
        return Health(ok=True, required=False)
    return Health(ok=False, detail="no worker consumes", required=False)


def _alive() -> QuerySet[WorkerHeartbeat]:
    """By the database's clock, which wrote the rows."""
    since = Now() - STALE
    return WorkerHeartbeat.objects.filter(Q(beat_at__gt=since) | Q(busy_at__gt=since))
