"""What the chain room registers with core."""

from apps.core.registry import registry


def register() -> None:
    """Engines of the chain, how far they are, and what follows the end of a transaction."""
    from apps.audit.services.anchor_places import AnchorPlace, anchor_place
    from apps.audit.services.watching import watch
    from apps.audit.types import AnchorKind
    from apps.chain import health
    from apps.chain.endpoints.sessions import build_sessions, circuit_of, configured
    from apps.chain.engines.ingester import Ingester
    from apps.chain.engines.sender import Sender
    from apps.chain.models import ContractAddress, Signer, TokenBinding
    from apps.chain.sagas import handle
    from apps.chain.services.anchoring import anchor_on_chain, fetch_from_chain
    from apps.chain.types import INTENT_FAILED, INTENT_FINAL

    for name in configured():
        registry.provider(circuit_of(name), build_sessions)
    registry.engine("ingester", Ingester)
    registry.engine("sender", Sender)
    registry.consumer("chain.sagas", {INTENT_FINAL, INTENT_FAILED}, handle)
    registry.health_check("chain_stream", health.stream_health)
    registry.metric("chain_stream", health.STREAM, health.read_stream_metrics)
    registry.health_check("chain_endpoints", health.endpoint_health)
    registry.metric("chain_endpoints", health.ENDPOINTS, health.read_endpoint_metrics)
    registry.health_check("chain_signers", health.signer_health)
    registry.metric("chain_sender", health.SENDER, health.read_sender_metrics)
    anchor_place(AnchorKind.EVM, AnchorPlace(anchor_on_chain, fetch_from_chain))
    watch(ContractAddress, Signer, TokenBinding)
