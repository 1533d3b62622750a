"""The hourly and the nightly reconciliation as leased rows: a lost message or a dead worker loses no security's run."""

import logging
from datetime import datetime, time, timedelta

from apps.chain.services.nodes import all_nodes
from apps.core import clock, leases
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.errors import DomainError
from apps.core.types import Lease
from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder, reconcilable
from apps.reconciliation.types import RunDepth, RunStatus

log = logging.getLogger(__name__)

KIND = "reconciliation.run"
DAILY_AT = time(2, 0)
# A node that does not answer, or a chain that is behind, takes a while to mend.
AGAIN_IN = timedelta(minutes=10)
CONCLUSIVE = (RunStatus.CLEAN, RunStatus.BREAKS)


def queue_due(*, now: datetime) -> int:
    """Queue what the last full hour, and the last 02:00 UTC, owed and is not queued yet; how many runs that is.

    Any wake-up will do, however late and however often: an hour's run of a security is queued once, and so is a
    night's, which looks at everything and asks the token for every wallet.
    """
    day = (now - timedelta(hours=DAILY_AT.hour, minutes=DAILY_AT.minute)).date().isoformat()
    hour = now.strftime("%Y-%m-%dT%H")
    queued = 0
    with unit_of_work():
        for isin in reconcilable():
            night = {"isin": isin, "depth": RunDepth.FULL.value, "attest": True}
            queued += leases.enqueue(kind=KIND, key=f"{isin}:{day}", now=now, payload=night)
            hourly = {"isin": isin, "depth": RunDepth.FOLD.value, "incremental": True}
            queued += leases.enqueue(kind=KIND, key=f"{isin}:{hour}", now=now, payload=hourly)
    return queued


def run_due(*, now: datetime) -> int:
    """Run all that waits, one security after the other; how many runs came to a conclusion.

    Many workers may do this at once: each takes what no other has, and a security has one run at a time. A run without
    a conclusion is tried again later, five times.
    """
    ended = 0
    while taken := leases.take(kind=KIND, now=now, seconds=_lease_seconds(now)):
        ended += sum(_run(lease, now) for lease in taken)
    return ended


def _lease_seconds(now: datetime) -> float:
    """A whole lease from this moment: the runs before this one may have taken longer than one."""
    return leases.LEASE_SECONDS + max(0.0, (clock.now() - now).total_seconds())


def _run(lease: Lease, now: datetime) -> bool:
    """One security; true if the run came to a conclusion."""
    try:
        with leases.kept(lease), all_nodes() as nodes:
            asked = lease.payload
            order = RunOrder(
                RunDepth(asked.get("depth", RunDepth.FULL)), asked.get("incremental", False), asked.get("attest", False)
            )
            view = ReconciliationEngine(nodes).reconcile(isin=asked["isin"], actor=system_actor(), now=now, order=order)
    except DomainError as error:
        leases.fail(lease=lease, error=error.code, now=now, again_in=AGAIN_IN)
        return False
    if view.status not in CONCLUSIVE:
        leases.fail(lease=lease, error=view.status, now=now, again_in=AGAIN_IN)
        return False
    with unit_of_work():
        leases.complete(lease=lease, now=now)
    return True
