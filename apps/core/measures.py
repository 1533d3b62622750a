"""What the floor measures of itself: outbox, leased work, engines, the database's connections."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from apps.core import clock
from apps.core.db import fetch_all, fetch_one
from apps.core.metrics import COUNTED_TO, Sample, counted, counted_by, gauge
from apps.core.models import OutboxPending, WorkItem
from apps.core.registry import registry
from apps.core.services.workers import number_alive
from apps.core.types import WorkState

UP_TO = f"Counted up to {COUNTED_TO}."

OUTBOX_WAITING = gauge("bookentry_outbox_waiting", f"Events the relay has not dispatched. {UP_TO}")
OUTBOX_OLDEST = gauge(
    "bookentry_outbox_oldest_waiting_age_seconds", "Seconds since the oldest undispatched event was written; 0 if none."
)
OUTBOX_DEAD = gauge("bookentry_outbox_dead", f"Events set aside after failing too often. {UP_TO}")

WORK_ITEMS = gauge("bookentry_work_items", f"Leased work that is not done, by kind and state. {UP_TO}", "kind", "state")
WORK_OLDEST = gauge(
    "bookentry_work_oldest_due_age_seconds", "Seconds since the oldest queued work of a kind fell due.", "kind"
)
WORK_EXPIRED = gauge("bookentry_work_leases_expired", f"Leases that ran out and are not swept yet. {UP_TO}")

ENGINE_AGE = gauge("bookentry_engine_heartbeat_age_seconds", "Seconds since the engine's leader last beat.", "engine")
ENGINE_EPOCH = gauge("bookentry_engine_epoch", "The engine's epoch: it grows by one with each new leader.", "engine")
ENGINE_LEADS = gauge("bookentry_engine_leads", "1 while the engine's leader beats; 0 also if it never ran.", "engine")

CONNECTIONS = gauge("bookentry_database_connections", "Sessions on this database, by their state.", "state")
CONNECTIONS_MOST = gauge("bookentry_database_connections_most", "The most sessions the server allows.")

WORKERS_ALIVE = gauge("bookentry_workers_alive", "Celery workers whose own messages reached them in the last 30 s.")
JOB_AGE = gauge("bookentry_scheduled_job_age_seconds", "Seconds since beat last sent this job.", "job")

OUTBOX = (OUTBOX_WAITING, OUTBOX_OLDEST, OUTBOX_DEAD)
WORK = (WORK_ITEMS, WORK_OLDEST, WORK_EXPIRED)
ENGINES = (ENGINE_AGE, ENGINE_EPOCH, ENGINE_LEADS)
WORKERS = (WORKERS_ALIVE, JOB_AGE)
DATABASE = (CONNECTIONS, CONNECTIONS_MOST)


def outbox() -> Iterator[Sample]:
    """Events that wait, and those set aside: each a partial index."""
    yield OUTBOX_WAITING.sample(counted(OutboxPending.objects.filter(dead_at=None)))
    yield OUTBOX_DEAD.sample(counted(OutboxPending.objects.filter(dead_at__isnull=False)))
    oldest = OutboxPending.objects.filter(dead_at=None).order_by("event_id").select_related("event").first()
    age = (clock.now() - oldest.event.recorded_at).total_seconds() if oldest else 0
    yield OUTBOX_OLDEST.sample(max(age, 0))


def work() -> Iterator[Sample]:
    """Work by kind and state; what is done is history and not counted."""
    now = clock.now()
    for state in (WorkState.QUEUED, WorkState.LEASED, WorkState.DEAD):
        for kind, number in counted_by(WorkItem.objects.filter(state=state), "kind"):
            yield WORK_ITEMS.sample(number, kind=kind, state=state)
            if state == WorkState.QUEUED and (due := _oldest_due(kind)):
                yield WORK_OLDEST.sample(max((now - due).total_seconds(), 0), kind=kind)
    yield WORK_EXPIRED.sample(counted(WorkItem.objects.filter(state=WorkState.LEASED, lease_until__lt=now)))


def _oldest_due(kind: str) -> datetime | None:
    queued = WorkItem.objects.filter(kind=kind, state=WorkState.QUEUED).order_by("run_at")
    return queued.values_list("run_at", flat=True).first()


def engines() -> Iterator[Sample]:
    """Every engine this installation knows; one that never ran leads nothing."""
    ages = {
        name: (epoch, float(age))
        for name, epoch, age in fetch_all(
            "SELECT name, epoch, extract(epoch FROM now() - heartbeat_at) FROM core_enginestate "
            "WHERE heartbeat_at IS NOT NULL"
        )
    }
    silent = settings.SECURITY.monitoring.thresholds.engine_silent_seconds
    for name in sorted(registry.engines):
        epoch, age = ages.get(name, (0, None))
        yield ENGINE_EPOCH.sample(epoch, engine=name)
        yield ENGINE_LEADS.sample(age is not None and age <= silent, engine=name)
        if age is not None:
            yield ENGINE_AGE.sample(max(round(age, 3), 0), engine=name)


def workers() -> Iterator[Sample]:
    """Whether tasks are done, and asked for."""
    yield WORKERS_ALIVE.sample(number_alive())
    for job, age in fetch_all("SELECT name, extract(epoch FROM now() - sent_at) FROM core_scheduledjob ORDER BY name"):
        yield JOB_AGE.sample(max(round(float(age), 3), 0), job=job)


def database() -> Iterator[Sample]:
    """Sessions as the server's own memory lists them; of other roles' sessions their state is not ours to see."""
    rows = fetch_all(
        "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1"
    )
    for state, number in rows:
        yield CONNECTIONS.sample(number, state=state.replace(" ", "_"))
    most = fetch_one("SELECT current_setting('max_connections')::int")
    yield CONNECTIONS_MOST.sample(most[0] if most else 0)


def register() -> None:
    """Have the metrics endpoint publish them."""
    registry.metric("outbox", OUTBOX, outbox)
    registry.metric("work", WORK, work)
    registry.metric("engines", ENGINES, engines)
    registry.metric("workers", WORKERS, workers)
    registry.metric("database", DATABASE, database)
