"""What settlement registers with core's registry."""

from apps.core.registry import registry


def register() -> None:
    """Engines, consumers, health and metrics."""
    from apps.chain.types import INTENT_FAILED
    from apps.settlement.engines import Projector, Settler
    from apps.settlement.health import METRICS, projection_health, read_metrics
    from apps.settlement.services.call_failures import on_intent_failed

    registry.engine("projector", Projector)
    registry.engine("settler", Settler)
    registry.consumer("settlement.call_failures", {INTENT_FAILED}, on_intent_failed)
    registry.health_check("projection", projection_health)
    registry.metric("settlement", METRICS, read_metrics)
