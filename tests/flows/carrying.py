"""Tasks for the tests that follow a correlation id: loaded by a worker that they start."""

import logging

from celery import shared_task

from apps.core import outbox, request_id
from apps.core.db import unit_of_work

log = logging.getLogger("apps.carrying")


@shared_task(name="carrying.first")
def first(key: str, queue: str) -> None:
    """Write an event, and send the next task from within this one."""
    with unit_of_work():
        outbox.publish(topic="carrying.first", key=key)
    second.apply_async((key,), queue=queue)


@shared_task(name="carrying.second")
def second(key: str) -> None:
    """Say what is in force, fail, and leave nothing behind for the next."""
    log.info("second task", extra={"key": key})
    with unit_of_work():
        outbox.publish(topic="carrying.second", key=key)
    raise ValueError(request_id.current())
