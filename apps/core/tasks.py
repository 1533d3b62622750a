"""Doors for workers."""

from celery import shared_task

from apps.core.services import workers


@shared_task(name="core.tasks.beat_heart", soft_time_limit=10, time_limit=15)
def beat_heart(*, worker: str, pid: int) -> None:
    """A worker's message to itself arrived: it consumes."""
    workers.beat_heart(worker=worker, pid=pid)
