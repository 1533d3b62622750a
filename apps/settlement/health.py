"""What operators see of settlement."""

from collections.abc import Iterator

from apps.chain.selectors.blocks import final_head
from apps.chain.selectors.intents import states
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, gauge
from apps.core.registry import Health
from apps.settlement.models import SettlementInstruction, UnexplainedMovement
from apps.settlement.selectors.movements import projection_cursor

# Final blocks the books may lag behind before readiness says so.
LAG = 100
# The oldest calls in flight that a scrape looks at.
LOOKED_AT = 10_000

INSTRUCTIONS = gauge(
    "bookentry_settlement_instructions_open",
    f"Instructions not settled: waiting for a call, or carried by one in flight. Counted up to {COUNTED_TO}.",
    "stage",
)
OLDEST_DUE = gauge(
    "bookentry_settlement_oldest_due_age_seconds", "Seconds since the oldest waiting instruction fell due; 0 if none."
)
ADRIFT = gauge("bookentry_settlement_instructions_adrift", "Instructions whose final call told nothing of them.")
LAG_BLOCKS = gauge("bookentry_settlement_projection_lag_blocks", "Final blocks that are not in the books yet.")
UNEXPLAINED = gauge(
    "bookentry_settlement_unexplained_movements", f"Movements nobody ordered. Counted up to {COUNTED_TO}."
)
METRICS = (INSTRUCTIONS, OLDEST_DUE, ADRIFT, LAG_BLOCKS, UNEXPLAINED)


def projection_health() -> Health:
    """Degraded while the books lag behind the final blocks known here."""
    lag = _lag()
    return Health(ok=lag <= LAG, detail=f"{lag} final blocks not in the books", required=False)


def read_metrics() -> Iterator[Sample]:
    """Open and adrift instructions, the books' lag in blocks, and what nothing explains."""
    yield from _open()
    yield ADRIFT.sample(adrift())
    yield LAG_BLOCKS.sample(_lag())
    yield UNEXPLAINED.sample(counted(UnexplainedMovement.objects.all()))


def _open() -> Iterator[Sample]:
    """What is open has a call in flight or waits for one: each has its partial index."""
    waiting = SettlementInstruction.objects.open().filter(open_intent_id=None)
    flying = SettlementInstruction.objects.filter(open_intent_id__isnull=False)
    yield INSTRUCTIONS.sample(counted(waiting), stage="waiting")
    yield INSTRUCTIONS.sample(counted(flying), stage="in_flight")
    due = waiting.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    yield OLDEST_DUE.sample(max((clock.now() - due).total_seconds(), 0) if due else 0)


def adrift() -> int:
    """Instructions whose call is final and in the books, but told nothing of them: for a person to look at."""
    if _lag():
        return 0
    flying = SettlementInstruction.objects.filter(open_intent_id__isnull=False).order_by("open_intent_id")
    carried = [pk for pk in flying.values_list("open_intent_id", flat=True)[:LOOKED_AT] if pk is not None]
    final = {intent_id for intent_id, state in states(set(carried)).items() if state == IntentState.FINAL}
    return sum(intent_id in final for intent_id in carried)


def _lag() -> int:
    head, cursor = final_head(), projection_cursor()
    if head is None:
        return 0
    return head.number - (cursor.number if cursor else -1)
