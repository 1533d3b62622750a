"""Doors for the schedule."""

from celery import shared_task

from apps.core import clock
from apps.vault.services.documents import tidy_documents
from apps.vault.services.rotation import rotate_due_keys

ROTATING_SECONDS = 200


@shared_task(name="vault.tasks.tidy_documents", soft_time_limit=240, time_limit=300)
def tidy() -> None:
    """Remove what an upload left behind, and the documents of who was erased."""
    while tidy_documents(now=clock.now()):
        pass


@shared_task(name="vault.tasks.rotate_keys", soft_time_limit=240, time_limit=300)
def rotate() -> None:
    """Rotate the keys that are old enough, and go on with what was left: the next wake-up does the rest."""
    rotate_due_keys(now=clock.now(), seconds=ROTATING_SECONDS)
