"""Test support for rooms that read the log's tree. Not imported by the product."""

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections

from apps.audit.engines import Sequencer
from apps.core import clock
from apps.core.daemon import Leadership, elect
from apps.core.db import fetch_one

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


def led(batch: int = 10_000, **more: Any) -> tuple[Sequencer, Leadership]:
    """A sequencer that leads."""
    connections.close_all()
    leadership = elect(Sequencer.name)
    if leadership is None:
        raise RuntimeError("another sequencer leads")
    engine = Sequencer(batch, **more)
    engine.lead(leadership)
    return engine, leadership


def sequence(batch: int = 10_000) -> None:
    """Number all that is ready, and sign it."""
    engine, leadership = led(batch)
    while engine.step(leadership, clock.now()):
        pass
    engine.step(leadership, clock.now() + HEAD_PAUSE)
