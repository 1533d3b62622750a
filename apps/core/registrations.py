"""What core registers with its own registry."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the floor, and what it measures."""
    from apps.core import measures
    from apps.core.outbox import Relay
    from apps.core.sweeper import Sweeper

    registry.engine("relay", Relay)
    registry.engine("sweeper", Sweeper)
    measures.register()
