"""What the chain room registers with core."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the chain, how far they are, and what follows the end of a transaction."""
    from apps.chain.engines.ingester import Ingester
    from apps.chain.engines.sender import Sender
    from apps.chain.health import read_sender_metrics, read_stream_metrics, signer_health, stream_health
    from apps.chain.sagas import handle
    from apps.chain.types import INTENT_FAILED, INTENT_FINAL

    registry.engine("ingester", Ingester)
    registry.engine("sender", Sender)
    registry.consumer("chain.sagas", {INTENT_FINAL, INTENT_FAILED}, handle)
    registry.health_check("chain_stream", stream_health)
    registry.metric("chain_stream", read_stream_metrics)
    registry.health_check("chain_signers", signer_health)
    registry.metric("chain_sender", read_sender_metrics)
