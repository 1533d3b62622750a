"""Doors for the schedule."""

from celery import shared_task

from apps.core import clock
from apps.reconciliation.services.schedule import reconcile_due


@shared_task(name="reconciliation.tasks.reconcile_all")
def reconcile_all() -> None:
    """Run the reconciliations that are due. A wake-up only: the work itself is leased rows."""
    reconcile_due(now=clock.now())
