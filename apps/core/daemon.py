"""The harness all engines share: one leader, an epoch that fences off its predecessors, heartbeat, stop.

A session advisory lock elects the leader; it can be lost without the leader knowing (a broken connection), so
every unit of work that must be the leader's calls `leadership.fence()`: the row it locks shows whether a newer
epoch has begun.
"""

import logging
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connections

from apps.core import clock, request_id
from apps.core.db.locks import Advisory, try_session_lock
from apps.core.db.notify import Listener
from apps.core.db.sql import fetch_one, run_sql
from apps.core.db.unit_of_work import unit_of_work, within_unit_of_work

log = logging.getLogger(__name__)

HEARTBEAT = timedelta(seconds=1)
ELECTION_SECONDS = 0.5
SHORTEST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0


class Deposed(Exception):
    """Another leader has begun a newer epoch: drop all memory and stop leading."""


@dataclass(frozen=True, slots=True)
class Leadership:
    """The right to act as engine `name` during `epoch`."""

    name: str
    epoch: int

    @within_unit_of_work
    def fence(self) -> None:
        """Raise Deposed unless this epoch is still the newest; holds off a new election until commit."""
        row = fetch_one("SELECT epoch FROM core_enginestate WHERE name = %s FOR SHARE", [self.name])
        if row is None or row[0] != self.epoch:
            raise Deposed(self.name)


@within_unit_of_work
def hold_off(name: str) -> None:
    """Let the leader of engine `name` commit nothing until this unit of work has: for who mends what it wrote.

    To be called before anything else is locked, as `fence` is.
    """
    fetch_one("SELECT epoch FROM core_enginestate WHERE name = %s FOR NO KEY UPDATE", [name])


class Engine(ABC):
    """A small class on the harness: `step` does one bounded piece of work."""

    name: str
    channels: tuple[str, ...] = ()
    poll_seconds: float = 0.25

    def lead(self, leadership: Leadership) -> None:  # noqa: B027 (optional)
        """Called once on becoming leader: load memory from the database."""

    @abstractmethod
    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Do one piece of work; true if more is waiting."""


def run_engine(engine: Engine, stop: threading.Event) -> None:
    """Elect, lead and step until told to stop; every failure but Deposed is logged and tried again."""
    backoff = SHORTEST_BACKOFF_SECONDS
    while not stop.is_set():
        began = time.monotonic()
        try:
            if (leadership := elect(engine.name)) is None:
                stop.wait(ELECTION_SECONDS)
                continue
            engine.lead(leadership)
            _work(engine, leadership, stop)
        except Deposed:
            log.warning("engine deposed", extra={"engine": engine.name})
        except (OperationalError, InterfaceError) as error:
            log.warning("engine lost its database", extra={"engine": engine.name, "error": type(error).__name__})
        except Exception as error:
            log.exception("engine failed", extra={"engine": engine.name})
            _note_error(engine.name, error)
        finally:
            # Closing the connection also gives up the leader's lock.
            connections.close_all()
        if time.monotonic() - began > LONGEST_BACKOFF_SECONDS:
            backoff = SHORTEST_BACKOFF_SECONDS  # it worked for a while: this is no failure in a row
        stop.wait(backoff)
        backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)


def elect(name: str) -> Leadership | None:
    """Become leader of engine `name` if nobody is: a new epoch begins."""
    if not try_session_lock(Advisory.ENGINE_LEADER, name):
        return None
    with unit_of_work():
        row = fetch_one(
            """INSERT INTO core_enginestate (name, epoch, pid, host, heartbeat_at, last_error)
               VALUES (%s, 1, %s, %s, now(), '')
               ON CONFLICT (name) DO UPDATE SET epoch = core_enginestate.epoch + 1, pid = EXCLUDED.pid,
                   host = EXCLUDED.host, heartbeat_at = now()
               RETURNING epoch""",
            [name, os.getpid(), socket.gethostname()[:255]],
        )
    if row is None:
        raise RuntimeError("an upsert returns its row")
    log.info("engine leads", extra={"engine": name, "epoch": row[0]})
    return Leadership(name, row[0])


def _work(engine: Engine, leadership: Leadership, stop: threading.Event) -> None:
    with Listener(*engine.channels) as listener:
        beaten = clock.now() - HEARTBEAT
        while not stop.is_set():
            now = clock.now()
            if now - beaten >= HEARTBEAT:
                beat(leadership)
                beaten = now
            request_id.begin()
            if not engine.step(leadership, now):
                listener.wait(engine.poll_seconds)


def beat(leadership: Leadership) -> None:
    """Show that the leader lives. Raises Deposed."""
    statement = "UPDATE core_enginestate SET heartbeat_at = now() WHERE name = %s AND epoch = %s"
    with unit_of_work():
        if not run_sql(statement, [leadership.name, leadership.epoch]):
            raise Deposed(leadership.name)


def _note_error(name: str, error: Exception) -> None:
    """Keep the kind of the last failure for operators; its text may hold data, so it stays in the log."""
    try:
        with unit_of_work():
            statement = "UPDATE core_enginestate SET last_error = %s WHERE name = %s"
            run_sql(statement, [type(error).__name__, name])
    except (OperationalError, InterfaceError):
        log.warning("engine failure could not be recorded", extra={"engine": name})
