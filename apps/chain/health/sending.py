"""What operators see of the sender."""

from collections.abc import Iterator

from django.db.models import Min

from apps.chain.models import Intervention, Signer, SignerRelease, TxIntent
from apps.chain.selectors.funds import low_on_ether
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, counted_by, gauge
from apps.core.registry import Health

# Apart, as the indexes are by which each is counted.
SENDABLE = (IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST, IntentState.MINED, IntentState.SAFE)
UNNONCED = (IntentState.DRAFT, IntentState.APPROVED)

INTENTS = gauge(
    "bookentry_chain_intents_open", f"Transactions on their way, by state. Counted up to {COUNTED_TO}.", "state"
)
INTENTS_OLDEST = gauge(
    "bookentry_chain_oldest_intent_age_seconds",
    "Seconds since the oldest transaction that is to be sent, or not final, was written; 0 if none.",
)
ACTS = gauge(
    "bookentry_chain_acts_open",
    f"What people asked for of transactions and signers and the sender has not done. Each counted up to {COUNTED_TO}.",
)
FROZEN = gauge("bookentry_chain_signers_frozen", "Signers that send nothing until a person looks.")
LOW = gauge("bookentry_chain_signers_low", "Signers that had too little ether when a node last told it.")
SENDER = (INTENTS, INTENTS_OLDEST, ACTS, FROZEN, LOW)


def signer_health() -> Health:
    """Degraded while a signer is frozen or none is set up."""
    frozen = Signer.objects.exclude(frozen_at=None).values_list("role", "frozen_reason")
    if frozen:
        return Health(ok=False, detail=", ".join(f"{role} frozen: {why}" for role, why in frozen), required=False)
    number = Signer.objects.count()
    return Health(ok=number > 0, detail=f"{number} signers", required=False)


def read_sender_metrics() -> Iterator[Sample]:
    """What is on its way, and what stopped."""
    for states in (UNNONCED, SENDABLE):
        for state, number in counted_by(TxIntent.objects.filter(state__in=states), "state"):
            yield INTENTS.sample(number, state=state)
    oldest = TxIntent.objects.filter(state__in=SENDABLE).aggregate(at=Min("created_at"))["at"]
    yield INTENTS_OLDEST.sample(max((clock.now() - oldest).total_seconds(), 0) if oldest else 0)
    yield ACTS.sample(sum(counted(model.objects.filter(end="")) for model in (Intervention, SignerRelease)))
    yield FROZEN.sample(Signer.objects.exclude(frozen_at=None).count())
    yield LOW.sample(len(low_on_ether()))
