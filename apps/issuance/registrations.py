"""What issuance registers with core's registry."""

from apps.core.registry import registry


def register() -> None:
    """Consumers, and tables whose changes are audited."""
    from apps.audit.services.watching import watch
    from apps.chain.types import INTENT_FAILED, TOKEN_LIVE
    from apps.issuance.models import IssuanceControl
    from apps.issuance.services.completion import on_intent_failed, on_movement_final, on_token_live
    from apps.settlement.types import MOVEMENT_FINAL

    registry.consumer("issuance.completion", {MOVEMENT_FINAL}, on_movement_final)
    registry.consumer("issuance.failure", {INTENT_FAILED}, on_intent_failed)
    registry.consumer("issuance.activation", {TOKEN_LIVE}, on_token_live)
    watch(IssuanceControl)
