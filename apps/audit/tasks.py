"""Doors for the schedule."""

import logging
from contextlib import suppress

from celery import shared_task

from apps.audit.errors import ExpiryTaken
from apps.audit.services.anchor_places import anchor_heads
from apps.audit.services.expiry import expire_tonight
from apps.audit.services.verification import CannotVerify, verify_in_turns, verify_new
from apps.core import clock

log = logging.getLogger(__name__)

# Below the tasks' own limits; what is left goes on with the next wake-up.
VERIFYING_SECONDS = 2_400
EXPIRING_SECONDS = 200


@shared_task(name="audit.tasks.anchor_heads", soft_time_limit=240, time_limit=300)
def anchor() -> None:
    """Anchor the newest head wherever it is due."""
    anchor_heads(now=clock.now())


@shared_task(name="audit.tasks.verify_new", soft_time_limit=2900, time_limit=3000)
def verify_what_is_new() -> None:
    """Verify what has been signed since the last such run, if anything was ever signed."""
    with suppress(CannotVerify):
        verify_new(now=clock.now(), seconds=VERIFYING_SECONDS)


@shared_task(name="audit.tasks.verify_all", soft_time_limit=2900, time_limit=3000)
def verify_all() -> None:
    """Verify the whole log; one too long for a night in several."""
    with suppress(CannotVerify):
        verify_in_turns(now=clock.now(), seconds=VERIFYING_SECONDS)


@shared_task(name="audit.tasks.expire_events", soft_time_limit=240, time_limit=300)
def expire() -> None:
    """Remove what has expired, and go on with what was left: the next wake-up does the rest."""
    try:
        expire_tonight(now=clock.now(), seconds=EXPIRING_SECONDS)
    except ExpiryTaken:
        log.info("events are expired elsewhere")
