"""What operators see of the sender."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Min

from apps.chain.models import Signer, TxIntent
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted_by, gauge
from apps.core.registry import Health

ON_THEIR_WAY = (
    *(IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST),
    *(IntentState.MINED, IntentState.SAFE),
)
TO_APPROVE = (IntentState.DRAFT, IntentState.APPROVED)
# Each has an index of its own; none rests in ORPHANED.
OPEN = (ON_THEIR_WAY, TO_APPROVE)

INTENTS = gauge(
    "bookentry_chain_intents_open", f"Transactions on their way, by state. Counted up to {COUNTED_TO}.", "state"
)
INTENTS_OLDEST = gauge(
    "bookentry_chain_oldest_intent_age_seconds", "Seconds since the oldest open transaction was written; 0 if none."
)
FROZEN = gauge("bookentry_chain_signers_frozen", "Signers that send nothing until a person looks.")
SENDER = (INTENTS, INTENTS_OLDEST, FROZEN)


def signer_health() -> Health:
    """Degraded while a signer is frozen or none is set up."""
    frozen = Signer.objects.exclude(frozen_at=None).values_list("role", "frozen_reason")
    if frozen:
        return Health(ok=False, detail=", ".join(f"{role} frozen: {why}" for role, why in frozen), required=False)
    number = Signer.objects.count()
    return Health(ok=number > 0, detail=f"{number} signers", required=False)


def read_sender_metrics() -> Iterator[Sample]:
    """What is on its way, and what stopped."""
    since: list[datetime] = []
    for states in OPEN:
        found = TxIntent.objects.filter(state__in=states)
        for state, number in counted_by(found, "state"):
            yield INTENTS.sample(number, state=state)
        if oldest := found.aggregate(at=Min("created_at"))["at"]:
            since.append(oldest)
    yield INTENTS_OLDEST.sample(max((clock.now() - min(since)).total_seconds(), 0) if since else 0)
    yield FROZEN.sample(Signer.objects.exclude(frozen_at=None).count())
