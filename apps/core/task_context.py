"""The correlation id travels with each Celery message: whoever runs the task works under the id of who sent it."""

from contextlib import AbstractContextManager
from typing import Any

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun

from apps.core import request_id

HEADER = "request_id"
_running: dict[str, AbstractContextManager[str]] = {}


def connect() -> None:
    """Have every process that sends or runs tasks carry the id."""
    before_task_publish.connect(_send, dispatch_uid="core_request_id")
    task_prerun.connect(_begin, dispatch_uid="core_request_id")
    task_postrun.connect(_end, dispatch_uid="core_request_id")


def _send(*, headers: dict[str, Any], **_: Any) -> None:
    if current := request_id.current():
        headers.setdefault(HEADER, current)


def _begin(*, task_id: str, task: Task[Any, Any], **_: Any) -> None:
    """What the clock sent has no id, and gets one here."""
    work = request_id.working(task.request.get(HEADER))
    work.__enter__()
    _running[task_id] = work


def _end(*, task_id: str, **_: Any) -> None:
    if work := _running.pop(task_id, None):
        work.__exit__(None, None, None)
