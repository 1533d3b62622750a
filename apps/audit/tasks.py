"""Doors for the schedule."""

from celery import shared_task

from apps.audit.services.anchor_places import anchor_heads
from apps.core import clock


@shared_task(name="audit.tasks.anchor_heads", soft_time_limit=240, time_limit=300)
def anchor() -> None:
    """Anchor the newest head wherever it is due."""
    anchor_heads(now=clock.now())
