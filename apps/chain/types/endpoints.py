"""Nodes, as other rooms see them: by the names of their settings."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices


class EndpointState(TextChoices):
    """Whether a node is asked: yes; not until its time is over; not until a person says so."""

    HEALTHY = "HEALTHY"
    QUARANTINED = "QUARANTINED"
    DISABLED = "DISABLED"


class EndpointReason(TextChoices):
    """Why a node is not asked."""

    BEHIND = "BEHIND", "lags"
    FAILING = "FAILING", "does not answer, or refuses"
    LIED = "LIED", "contradicted itself"
    LIED_OFTEN = "LIED_OFTEN", "contradicted itself again and again"
    WRONG_CHAIN = "WRONG_CHAIN", "serves another chain"
    WRONG_HISTORY = "WRONG_HISTORY", "serves another history of this chain"
    UNAUTHORIZED = "UNAUTHORIZED", "does not let us in"
    BY_HAND = "BY_HAND", "a person said so"


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One node. `head` and `final` are block numbers as it last said, None where it never did.

    `lag_blocks` is how far it is behind the highest of those that are configured.
    """

    name: str
    state: EndpointState
    reason: str
    until: datetime | None
    head: int | None
    final: int | None
    range_blocks: int
    checked_at: datetime | None
    lag_blocks: int | None
