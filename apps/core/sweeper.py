"""The engine that tidies up behind everyone."""

from datetime import datetime

from apps.core.daemon import Engine, Leadership
from apps.core.idempotency import PURGE_BATCH, purge_expired
from apps.core.leases import CHANNEL, sweep
from apps.core.waking import Waker


class Sweeper(Engine):
    """Puts back work whose lease expired, wakes whoever does what is due, and removes expired answers."""

    name = "sweeper"
    channels = (CHANNEL,)
    poll_seconds = 0.5

    def lead(self, leadership: Leadership) -> None:
        """Know of no wake-up yet."""
        self._waker = Waker()

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Sweep once; true if more is waiting. Raises Deposed."""
        sweep(now=now, leadership=leadership)
        self._waker.wake(now)
        return purge_expired() == PURGE_BATCH
