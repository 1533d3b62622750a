"""Doors for the schedule."""

from celery import shared_task

from apps.core import clock
from apps.reconciliation.services.schedule import queue_due, run_due

# Workers woken at once: each takes securities until none is left.
SHARDS = 8


@shared_task(name="reconciliation.tasks.reconcile_all", soft_time_limit=2900, time_limit=3000)
def reconcile_all() -> None:
    """Queue the runs that are due, wake as many workers as there is work for, and begin. The work is leased rows."""
    queued = queue_due(now=clock.now())
    for _ in range(min(queued, SHARDS) - 1):
        reconcile_next.delay()
    run_due(now=clock.now())


# Whoever is cut off here leaves the rest to the next wake-up.
@shared_task(name="reconciliation.tasks.reconcile_next", soft_time_limit=2900, time_limit=3000)
def reconcile_next() -> None:
    """Run what waits."""
    run_due(now=clock.now())
