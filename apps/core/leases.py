"""Work is a row with a lease and attempts; a broker's message is only a wake-up.

A worker that dies leaves a lease that expires; the sweeper puts the work back. Whoever finishes late finds its
token gone and changes nothing.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Value
from django.db.models.functions import Greatest

from apps.core import clock
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.daemon import Leadership
from apps.core.db import fetch_all, notify, unit_of_work, within_unit_of_work
from apps.core.errors import Conflict
from apps.core.ids import new_id
from apps.core.models import WorkItem
from apps.core.types import Condition, Lease, Severity, WorkState

log = logging.getLogger(__name__)

CHANNEL = "work"
# Short, so that a dead worker's work starts again within seconds; whoever works longer renews: see `kept`.
LEASE_SECONDS = 4.0
RENEW_SECONDS = 1.0
FREE = {"lease_token": None, "lease_until": None}
# Of the alerts raised here.
SOURCE = "work"
_SET_ASIDE = """
    UPDATE core_workitem
    SET state = 'DEAD', last_error = 'lease expired too often', lease_token = NULL, lease_until = NULL
    WHERE state = 'LEASED' AND lease_until < %(now)s AND attempts >= %(most)s RETURNING kind
"""


class LeaseLost(Conflict):
    """The lease expired and the work is another's now."""

    code, message = "lease_lost", "The lease on this work expired; another worker has it."


@within_unit_of_work
def enqueue(*, kind: str, key: str, now: datetime, payload: dict[str, Any] | None = None) -> bool:
    """Queue work once by (kind, key); false if it was there already."""
    item = WorkItem(kind=kind, key=key, payload=payload or {}, run_at=now, created_at=now)
    before = WorkItem.objects.filter(kind=kind, key=key).exists()
    WorkItem.objects.bulk_create([item], ignore_conflicts=True)
    notify(CHANNEL, kind)
    return not before


def take(*, kind: str, now: datetime, seconds: float = LEASE_SECONDS, limit: int = 1) -> list[Lease]:
    """Lease what is due, oldest first; workers never wait for each other."""
    with unit_of_work():
        due = WorkItem.objects.filter(kind=kind, state=WorkState.QUEUED, run_at__lte=now).order_by("run_at")
        items = list(due.select_for_update(skip_locked=True)[:limit])
        for item in items:
            item.state, item.attempts = WorkState.LEASED, item.attempts + 1
            item.lease_token, item.lease_until = new_id(), now + timedelta(seconds=seconds)
        WorkItem.objects.bulk_update(items, ["state", "attempts", "lease_token", "lease_until"])
    return [_lease(item) for item in items]


def _lease(item: WorkItem) -> Lease:
    if item.lease_token is None or item.lease_until is None:
        raise RuntimeError("a leased item has a token and an end")
    return Lease(item.pk, item.lease_token, item.kind, item.key, item.payload, item.attempts, item.lease_until)


def renew(*, lease: Lease, now: datetime, seconds: float = LEASE_SECONDS) -> None:
    """Hold the lease for `seconds` from now; it is never shortened. Raises LeaseLost."""
    with unit_of_work():
        held = WorkItem.objects.filter(pk=lease.work_id, lease_token=lease.token, state=WorkState.LEASED)
        if not held.update(lease_until=Greatest("lease_until", Value(now + timedelta(seconds=seconds)))):
            raise LeaseLost(work_id=str(lease.work_id))


@contextmanager
def kept(lease: Lease) -> Iterator[None]:
    """Renew the lease beside the work in the block, until it ends or its process does."""
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(lease, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _keep(lease: Lease, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        try:
            renew(lease=lease, now=clock.now())
        except LeaseLost:
            log.warning("lease lost", extra={"work_id": str(lease.work_id), "kind": lease.kind})
            return
        except (DatabaseError, InterfaceError) as error:
            log.warning("lease not renewed", extra={"kind": lease.kind, "error": type(error).__name__})
            connections.close_all()
    connections.close_all()


@within_unit_of_work
def complete(*, lease: Lease, now: datetime) -> None:
    """Mark the work done, in the commit of its effect. Raises LeaseLost."""
    _release(lease.work_id, lease.token, state=WorkState.DONE, finished_at=now, last_error="")


def fail(*, lease: Lease, error: str, now: datetime, again_in: timedelta | None = None) -> None:
    """Put the work back with a growing delay, or this one, or set it aside at the last try. Raises LeaseLost."""
    dead = lease.attempts >= _most_attempts()
    state = WorkState.DEAD if dead else WorkState.QUEUED
    delay = again_in or timedelta(seconds=min(300, 2**lease.attempts))
    with unit_of_work():
        _release(lease.work_id, lease.token, state=state, run_at=now + delay, last_error=error[:500])
        if dead:
            log.error("work set aside", extra={"work_id": str(lease.work_id), "kind": lease.kind})
            _raise_dead(lease.kind, now)


def _release(work_id: UUID, token: UUID, **changes: Any) -> None:
    held = WorkItem.objects.filter(pk=work_id, lease_token=token, state=WorkState.LEASED)
    if not held.update(**changes, **FREE):
        raise LeaseLost(work_id=str(work_id))


def _most_attempts() -> int:
    return settings.SECURITY.monitoring.thresholds.dead_letter_attempts


def sweep(*, now: datetime, leadership: Leadership | None = None) -> int:
    """Put back work whose lease expired; set aside what has failed too often. The number swept. Raises Deposed."""
    expired = WorkItem.objects.filter(state=WorkState.LEASED, lease_until__lt=now)
    if not expired.exists():
        return 0
    with unit_of_work():
        if leadership:
            leadership.fence()
        dead = fetch_all(_SET_ASIDE, {"now": now, "most": _most_attempts()})
        # It keeps its place in the queue: what a worker died over is older than what has come since.
        requeued = expired.update(state=WorkState.QUEUED, **FREE)
        if requeued:
            notify(CHANNEL)
        for kind in sorted({kind for (kind,) in dead}):
            _raise_dead(kind, now)
    return len(dead) + requeued


def revive(*, kind: str, now: datetime) -> int:
    """Queue again what of `kind` was set aside, with all its tries, and resolve its alert; the number of items."""
    with unit_of_work():
        dead = WorkItem.objects.filter(kind=kind, state=WorkState.DEAD)
        revived = dead.update(state=WorkState.QUEUED, attempts=0, run_at=now)
        notify(CHANNEL, kind)
        resolve_alert(dedup_key=dead_key(kind), now=now)
    return revived


def dead_key(kind: str) -> str:
    """The alert's key while work of `kind` is set aside."""
    return f"{SOURCE}.dead:{kind}"


def dead_condition(kind: str) -> Condition:
    """What is wrong then."""
    return Condition(
        Severity.ERROR,
        f"Work of kind {kind} failed {_most_attempts()} times and was set aside: nobody tries it any more.",
    )


def _raise_dead(kind: str, now: datetime) -> None:
    found = dead_condition(kind)
    raise_alert(dedup_key=dead_key(kind), severity=found.severity, summary=found.summary, now=now, source=SOURCE)
