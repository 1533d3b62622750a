"""The two engines of this room."""

from datetime import datetime

from apps.core.daemon import Engine, Leadership
from apps.settlement.projections import project_next
from apps.settlement.services.instructions import CHANNEL
from apps.settlement.services.sending import send_due


class Projector(Engine):
    """Puts final blocks into the books."""

    name = "projector"
    channels = ("chain_blocks",)
    poll_seconds = 0.5

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Project one run of blocks."""
        return project_next(leadership=leadership, now=now)


class Settler(Engine):
    """Sends due instructions to the settlement contract."""

    name = "settler"
    channels = (CHANNEL,)
    poll_seconds = 0.5

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Send one call."""
        return send_due(leadership=leadership, now=now)
