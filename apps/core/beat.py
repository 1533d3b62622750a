"""Celery's beat, of which two may run: each instant of a job is sent by whoever claims it first."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from celery.schedules import crontab
from django.db import DatabaseError, InterfaceError, close_old_connections

from apps.core import clock
from apps.core.services.scheduling import claim

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)


class OnceScheduler(PersistentScheduler):
    """Sends what it can claim. What it does not send is a wake-up less: what is due are rows."""

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        """Send the entry, unless another beat did or nobody can know."""
        if not self._claimed(entry):
            if advance:
                self.reserve(entry)
            return None
        return super().apply_async(entry, producer=producer, advance=advance, **kwargs)

    def _claimed(self, entry: ScheduleEntry) -> bool:
        close_old_connections()
        try:
            return claim(job=str(entry.name), scheduled_for=instant(entry.schedule, clock.now()))
        except (DatabaseError, InterfaceError) as error:
            log.warning("a job was not sent", extra={"job": entry.name, "error": type(error).__name__})
            return False


def instant(planned: Any, now: datetime) -> datetime:
    """The instant that `now` is the turn of: the minute for a crontab, else the last whole interval since 1970."""
    period: timedelta = MINUTE if isinstance(planned, crontab) else planned.run_every
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (now - epoch) // period * period
