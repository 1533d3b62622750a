"""What settlement registers with core's registry."""

from collections.abc import Mapping

from apps.core.registry import registry


def register() -> None:
    """Engines, consumers, metrics."""
    from apps.chain.types import INTENT_FAILED
    from apps.settlement.engines import Projector, Settler
    from apps.settlement.services.call_failures import on_intent_failed

    registry.engine("projector", Projector)
    registry.engine("settler", Settler)
    registry.consumer("settlement.call_failures", {INTENT_FAILED}, on_intent_failed)
    registry.metric("settlement", read_metrics)


def read_metrics() -> Mapping[str, float]:
    """Open instructions, how far the projection is, and what it could not explain."""
    from apps.settlement.selectors.movements import metrics

    return metrics()
