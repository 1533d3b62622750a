"""What operators see of settlement."""

from collections.abc import Mapping

from apps.chain.selectors.blocks import final_head
from apps.chain.selectors.intents import states
from apps.chain.types import IntentState
from apps.core.registry import Health
from apps.settlement.models import SettlementInstruction, UnexplainedMovement
from apps.settlement.selectors.movements import projection_cursor

# Final blocks the books may lag behind before readiness says so.
LAG = 100


def projection_health() -> Health:
    """Degraded while the books lag behind the final blocks known here."""
    lag = _lag()
    return Health(ok=lag <= LAG, detail=f"{lag} final blocks not in the books", required=False)


def read_metrics() -> Mapping[str, float]:
    """Open and adrift instructions, the books' lag in blocks, and what nothing explains."""
    return {
        "settlement_instructions_open": SettlementInstruction.objects.open().count(),
        "settlement_instructions_adrift": adrift(),
        "settlement_projection_lag_blocks": _lag(),
        "settlement_unexplained_movements": UnexplainedMovement.objects.count(),
    }


def adrift() -> int:
    """Instructions whose call is final and in the books, but told nothing of them: for a person to look at."""
    if _lag():
        return 0
    flying = SettlementInstruction.objects.exclude(open_intent_id=None).values_list("open_intent_id", flat=True)
    carried = [intent_id for intent_id in flying if intent_id is not None]
    final = {intent_id for intent_id, state in states(set(carried)).items() if state == IntentState.FINAL}
    return sum(intent_id in final for intent_id in carried)


def _lag() -> int:
    head, cursor = final_head(), projection_cursor()
    if head is None:
        return 0
    return head.number - (cursor.number if cursor else -1)
