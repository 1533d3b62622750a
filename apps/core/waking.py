"""Wake-ups for work that is due and that nobody does: Celery's messages may be lost, rows are not."""

import logging
from datetime import datetime, timedelta

from celery import Celery
from django.conf import settings
from django.utils.module_loading import import_string

from apps.core.db import fetch_all
from apps.core.messages import BrokerUnavailable, send
from apps.core.registry import registry

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(seconds=30)
# By kind: whether a worker has some of it, which goes on until none is due.
STANDING = """
    SELECT kind, bool_or(state = 'LEASED') FROM core_workitem
    WHERE kind = ANY(%s) AND (state = 'LEASED' OR (state = 'QUEUED' AND run_at <= %s)) GROUP BY kind
"""


class Waker:
    """Sends one message for a kind that is due and in nobody's hands; again, ever more rarely, while that stays so."""

    def __init__(self) -> None:
        self._wait: dict[str, timedelta] = {}
        self._next: dict[str, datetime] = {}

    def wake(self, now: datetime) -> int:
        """Wake whoever must be; the number of messages sent."""
        standing = dict(fetch_all(STANDING, [list(registry.work), now]))
        for kind in set(self._wait) - {kind for kind, in_hand in standing.items() if not in_hand}:
            del self._wait[kind], self._next[kind]
        idle = sorted(kind for kind, in_hand in standing.items() if not in_hand)
        return sum(self._send(kind, now) for kind in idle if self._next.get(kind, now) <= now)

    def _send(self, kind: str, now: datetime) -> bool:
        wait = self._wait.get(kind, FIRST_WAIT)
        self._next[kind], self._wait[kind] = now + wait, min(wait * 2, LONGEST_WAIT)
        app: Celery = import_string(settings.TASKS_APP)
        try:
            send(app, registry.work[kind], queue="default", expires=LONGEST_WAIT.total_seconds())
        except BrokerUnavailable as error:
            log.warning("work could not be woken", extra={"kind": kind, "error": str(error)})
            return False
        return True
