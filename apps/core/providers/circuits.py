"""The breaker all processes share: a row, moved by compare-and-set under the database's clock.

While the database does not answer, what this process saw last stays true: closed goes on, open stays open.
"""

import logging
import math
from dataclasses import dataclass
from uuid import UUID

from django.db import Error

from apps.core.db import fetch_one, run_sql
from apps.core.ids import new_id
from apps.core.providers.errors import CircuitOpen
from apps.core.providers.policy import Breaker
from apps.core.types import CircuitState

log = logging.getLogger(__name__)

UNKNOWN = -1

_READ = """SELECT state, epoch, failures, COALESCE(COALESCE(open_until, probe_until) <= now(), false),
    EXTRACT(epoch FROM COALESCE(open_until, probe_until) - now())::float FROM core_providercircuit WHERE name = %s"""
_BEGIN = "INSERT INTO core_providercircuit (name) VALUES (%s) ON CONFLICT (name) DO NOTHING"
# Of any number of processes one finds the row as it was; the others wait for its commit and find it changed.
_PROBE = """UPDATE core_providercircuit SET state = 'HALF_OPEN', epoch = epoch + 1, open_until = NULL,
    probe_token = %s, probe_until = now() + make_interval(secs => %s)
    WHERE name = %s AND COALESCE(open_until, probe_until) <= now() AND state <> 'CLOSED' RETURNING epoch"""
_FAILED = """UPDATE core_providercircuit SET failures = failures + 1, last_error = %(error)s, last_error_at = now(),
    state = CASE WHEN failures + 1 >= %(most)s THEN 'OPEN' ELSE state END,
    epoch = epoch + CASE WHEN failures + 1 >= %(most)s THEN 1 ELSE 0 END,
    since = CASE WHEN failures + 1 >= %(most)s THEN now() ELSE since END,
    open_until = CASE WHEN failures + 1 >= %(most)s THEN now() + make_interval(secs => %(seconds)s) END
    WHERE name = %(name)s AND state = 'CLOSED' AND epoch = %(epoch)s RETURNING state"""
_PROBE_FAILED = """UPDATE core_providercircuit SET state = 'OPEN', epoch = epoch + 1, probe_token = NULL,
    probe_until = NULL, open_until = now() + make_interval(secs => %s), last_error = %s, last_error_at = now()
    WHERE name = %s AND probe_token = %s"""
_PROBE_SUCCEEDED = """UPDATE core_providercircuit SET state = 'CLOSED', epoch = epoch + 1, failures = 0, since = now(),
    probe_token = NULL, probe_until = NULL WHERE name = %s AND probe_token = %s"""
_WELL = "UPDATE core_providercircuit SET failures = 0 WHERE name = %s AND state = 'CLOSED' AND epoch = %s"
_GIVE_BACK = "UPDATE core_providercircuit SET probe_until = now() WHERE name = %s AND probe_token = %s"


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to call once. With `probe` it is the one call that finds out whether the service is back."""

    epoch: int
    failures: int
    probe: UUID | None = None


class Circuit:
    """One service's breaker, as this process uses it."""

    def __init__(self, name: str, policy: Breaker) -> None:
        self.name = name
        self._policy = policy
        self._seen = CircuitState.CLOSED

    def admit(self) -> Pass:
        """Leave to call. Raises CircuitOpen, with the seconds after which to ask again."""
        try:
            return self._admit()
        except Error as error:
            log.warning("circuit cannot be asked", extra={"provider": self.name, "error": type(error).__name__})
        if self._seen != CircuitState.CLOSED:
            raise self._refusal(self._policy.open_seconds)
        return Pass(UNKNOWN, 0)

    def _admit(self) -> Pass:
        row = fetch_one(_READ, [self.name])
        if row is None:
            run_sql(_BEGIN, [self.name])
            row = (CircuitState.CLOSED, 0, 0, False, None)
        state, epoch, failures, due, seconds = row
        self._seen = CircuitState(state)
        if self._seen == CircuitState.CLOSED:
            return Pass(epoch, failures)
        if due and (probe := self._claim_probe()):
            return probe
        raise self._refusal(seconds)

    def _claim_probe(self) -> Pass | None:
        token = new_id()
        won = fetch_one(_PROBE, [token, self._policy.probe_seconds, self.name])
        return Pass(won[0], 0, token) if won else None

    def _refusal(self, seconds: float | None) -> CircuitOpen:
        refusal = CircuitOpen(provider=self.name)
        refusal.retry_after = max(1, math.ceil(seconds or 0))
        return refusal

    def succeeded(self, leave: Pass, *, after_failures: bool = False) -> None:
        """The service answered in time: failures in a row begin again, and a probe closes the circuit.

        `after_failures`: an earlier try under the same leave failed.
        """
        if leave.probe:
            self._write(_PROBE_SUCCEEDED, [self.name, leave.probe])
        elif leave.failures or after_failures:
            self._write(_WELL, [self.name, leave.epoch])

    def failed(self, leave: Pass, error: str) -> None:
        """The service did not answer, or not in time; `error` is the kind of failure, never its text."""
        if leave.probe:
            self._write(_PROBE_FAILED, [self._policy.open_seconds, error[:64], self.name, leave.probe])
            return
        values = {"name": self.name, "epoch": leave.epoch, "error": error[:64]}
        values |= {"most": self._policy.failures, "seconds": self._policy.open_seconds}
        self._write(_FAILED, values)

    def abandoned(self, leave: Pass) -> None:
        """The call ended without telling anything of the service: another may probe."""
        if leave.probe:
            self._write(_GIVE_BACK, [self.name, leave.probe])

    def _write(self, statement: str, values: object) -> None:
        try:
            run_sql(statement, values)  # type: ignore[arg-type]
        except Error as error:
            log.warning("circuit cannot be told", extra={"provider": self.name, "error": type(error).__name__})
