"""Which topic says which event, for statements over the stored logs."""

from collections.abc import Callable

from apps.chain.codec.hot import TRANSFER
from apps.chain.codec.layouts import LAYOUTS
from apps.chain.types.events import ChainEvent

__all__ = ["TRANSFER", "topics_of"]


def topics_of(*events: Callable[..., ChainEvent]) -> list[str]:
    """The first topics of these events, in all the shapes we know."""
    return sorted({topic for (topic, _), layout in LAYOUTS.items() if layout.event in events})
