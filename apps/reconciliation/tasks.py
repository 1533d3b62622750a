"""Doors for the schedule."""

from celery import shared_task

from apps.core import clock
from apps.reconciliation.services.schedule import reconcile_due


# All securities that are due, one after the other; whoever is cut off here leaves the rest to the next wake-up.
@shared_task(name="reconciliation.tasks.reconcile_all", soft_time_limit=2900, time_limit=3000)
def reconcile_all() -> None:
    """Run the reconciliations that are due. A wake-up only: the work itself is leased rows."""
    reconcile_due(now=clock.now())
