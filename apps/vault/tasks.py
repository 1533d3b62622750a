"""Doors for the schedule."""

from celery import shared_task

from apps.core import clock
from apps.vault.services.documents import tidy_documents


@shared_task(name="vault.tasks.tidy_documents", soft_time_limit=240, time_limit=300)
def tidy() -> None:
    """Remove what an upload left behind, and the documents of who was erased."""
    while tidy_documents(now=clock.now()):
        pass
