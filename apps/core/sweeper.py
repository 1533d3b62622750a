"""The engine that tidies up behind everyone."""

from datetime import datetime

from apps.core.daemon import Engine, Leadership
from apps.core.leases import sweep


class Sweeper(Engine):
    """Wakes expired leases."""

    name = "sweeper"
    poll_seconds = 1.0

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Sweep once."""
        sweep(now=now)
        return False
