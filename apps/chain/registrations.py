"""What the chain room registers with core."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the chain."""
    from apps.chain.engines.sender import Sender

    registry.engine("sender", Sender)
