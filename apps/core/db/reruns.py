"""The door that runs again what the database undid: a deadlock's victim, a lost connection. See docs/connections.md."""

import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection

from apps.core.db import attempts
from apps.core.db.attempts import Attempt
from apps.core.db.failures import sqlstate
from apps.core.db.unit_of_work import record_all

log = logging.getLogger(__name__)

R = TypeVar("R")

TRIES = 3
# Whoever waits for an answer gets one: no try begins later than this after the first.
SECONDS = 5.0
# Random, so that two victims of each other do not meet again; it grows with each try.
PAUSE_SECONDS = (0.05, 0.15)


def with_reruns(call: Callable[[], R]) -> R:
    """The call's result. It is run again, twice at most, if the database undid all that it did.

    That is a deadlock, a serialization failure, or a connection lost before COMMIT was sent, where no unit of work of
    the call has committed. Its last error is raised. Beside units of work the call must do nothing that may not be
    done twice. Within a transaction, or another such door, it is run once: only who is outermost can begin anew.
    """
    if connection.in_atomic_block or attempts.current():
        return call()
    end = time.monotonic() + SECONDS
    for number in itertools.count(1):
        attempt = Attempt(last=number == TRIES, end=end)
        try:
            with attempts.begun(attempt):
                return call()
        except (DatabaseError, InterfaceError) as error:
            if not attempt.is_undone_by(error):
                raise
            attempt.to_record.clear()
            _prepare(number, error)
        finally:
            record_all(attempt.to_record)
    raise RuntimeError("the last try returns or raises")


def _prepare(number: int, error: Exception) -> None:
    """Wait a little; a broken connection makes place for a new one."""
    log.warning("run again", extra={"tried": number, "sqlstate": sqlstate(error), "error": type(error).__name__})
    time.sleep(number * random.uniform(*PAUSE_SECONDS))  # noqa: S311 (no secret)
    connection.close_if_unusable_or_obsolete()
