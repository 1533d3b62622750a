"""Test support for rooms that read the log's tree. Not imported by the product."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.audit.engines import Integrator, Sequencer
from apps.core import clock
from apps.core.daemon import Engine, Leadership, elect
from apps.core.db import fetch_one
from apps.core.testing.databases import leave

HEAD_PAUSE = timedelta(seconds=settings.SECURITY.audit.signing.head_seconds)
PASSED = """
    SELECT coalesce((SELECT xid FROM audit_auditlog ORDER BY xid DESC LIMIT 1)
        < pg_snapshot_xmin(pg_current_snapshot()), true)
"""


def pass_horizon() -> None:
    """Wait until every event's turn has come: a server has one horizon, and other tests have databases on it too."""
    end = time.monotonic() + 120
    while fetch_one(PASSED) != (True,):
        if time.monotonic() > end:
            raise TimeoutError("a transaction of somebody's has been open for two minutes")
        time.sleep(0.02)


class Led:
    """A sequencer and an integrator that lead, in turn; `more` is the integrator's."""

    def __init__(self, batch: int = 10_000, **more: Any) -> None:
        leave()
        self.sequencer, self.integrator = Sequencer(batch), Integrator(batch, **more)
        self._leads = [(engine, lead(engine)) for engine in (self.sequencer, self.integrator)]

    def step(self, now: datetime) -> bool:
        """One step of each; whether more may wait."""
        return sum(engine.step(leadership, now) for engine, leadership in self._leads) > 0


def lead(engine: Engine) -> Leadership:
    """The engine leads. Raises RuntimeError if another does."""
    leadership = elect(engine.name)
    if leadership is None:
        raise RuntimeError(f"another {engine.name} leads")
    engine.lead(leadership)
    return leadership


def sequence(batch: int = 10_000) -> None:
    """Number, hash and sign all that is ready."""
    log = Led(batch)
    while log.step(clock.now()):
        pass
    log.step(clock.now() + HEAD_PAUSE)
