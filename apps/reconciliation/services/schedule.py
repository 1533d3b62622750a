"""The daily reconciliation as leased rows: a lost message or a dead worker loses no security's run."""

import logging
from datetime import datetime, time, timedelta

from apps.chain.services.nodes import all_nodes
from apps.core import clock, leases
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.errors import DomainError
from apps.core.types import Lease
from apps.reconciliation.services.runs import reconcilable, reconcile
from apps.reconciliation.types import RunStatus

log = logging.getLogger(__name__)

KIND = "reconciliation.run"
DAILY_AT = time(2, 0)
# A node that does not answer, or a chain that is behind, takes a while to mend.
AGAIN_IN = timedelta(minutes=10)
CONCLUSIVE = (RunStatus.CLEAN, RunStatus.BREAKS)


def reconcile_due(*, now: datetime) -> int:
    """Queue what the last 02:00 UTC owed and is not queued yet, then run all that waits; how many runs ended.

    Any wake-up will do, however late and however often: a day's run of a security is queued once. A run without a
    conclusion is tried again later, five times.
    """
    _queue(now)
    ended = 0
    while taken := leases.take(kind=KIND, now=now, seconds=_lease_seconds(now)):
        ended += sum(_run(lease, now) for lease in taken)
    return ended


def _lease_seconds(now: datetime) -> float:
    """A whole lease from this moment: the runs before this one may have taken longer than one."""
    return leases.LEASE_SECONDS + max(0.0, (clock.now() - now).total_seconds())


def _queue(now: datetime) -> None:
    day = _business_day(now)
    with unit_of_work():
        for isin in reconcilable():
            leases.enqueue(kind=KIND, key=f"{isin}:{day}", now=now, payload={"isin": isin})


def _business_day(now: datetime) -> str:
    """The date of the last 02:00 UTC."""
    due = now - timedelta(hours=DAILY_AT.hour, minutes=DAILY_AT.minute)
    return due.date().isoformat()


def _run(lease: Lease, now: datetime) -> bool:
    """One security; true if the run came to a conclusion."""
    try:
        with leases.kept(lease), all_nodes() as nodes:
            view = reconcile(isin=lease.payload["isin"], nodes=nodes, actor=system_actor(), now=now)
    except DomainError as error:
        leases.fail(lease=lease, error=error.code, now=now, again_in=AGAIN_IN)
        return False
    if view.status not in CONCLUSIVE:
        leases.fail(lease=lease, error=view.status, now=now, again_in=AGAIN_IN)
        return False
    with unit_of_work():
        leases.complete(lease=lease, now=now)
    return True
