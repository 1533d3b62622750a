"""What the chain room registers with core."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the chain, and how far they are."""
    from apps.chain.engines.ingester import Ingester
    from apps.chain.engines.sender import Sender
    from apps.chain.health import read_stream_metrics, stream_health

    registry.engine("ingester", Ingester)
    registry.engine("sender", Sender)
    registry.health_check("chain_stream", stream_health)
    registry.metric("chain_stream", read_stream_metrics)
