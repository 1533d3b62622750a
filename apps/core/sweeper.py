"""The engine that tidies up behind everyone."""

from datetime import datetime

from apps.core.daemon import Engine, Leadership
from apps.core.idempotency import PURGE_BATCH, purge_expired
from apps.core.leases import sweep


class Sweeper(Engine):
    """Wakes expired leases, and removes kept answers that have expired."""

    name = "sweeper"
    poll_seconds = 1.0

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Sweep once; true if more is waiting. Two sweepers at once would do no harm."""
        sweep(now=now)
        return purge_expired() == PURGE_BATCH
