"""What operators see of the stream."""

from collections.abc import Iterator

from django.db.models import Min

from apps.chain.endpoints.sessions import configured
from apps.chain.models import DeadLetter, RpcEndpoint, Signer, TxIntent, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.types import ENDED, EndpointState, IntentState
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, counted_by, counter, gauge
from apps.core.registry import Health

OPEN = tuple(state for state in IntentState if state not in ENDED)

HEAD = gauge("bookentry_chain_head_block", "Height of the newest block stored.")
HEAD_AGE = gauge("bookentry_chain_head_age_seconds", "Seconds since the newest stored block's own time.")
FINAL = gauge("bookentry_chain_final_block", "Height of the newest final block stored.")
FINAL_LAG = gauge("bookentry_chain_final_lag_blocks", "Blocks stored beyond the newest final one.")
HALTED = gauge("bookentry_chain_stream_halted", "1 while ingestion has stopped for a person to decide.")
DEAD_LETTERS = gauge("bookentry_chain_dead_letters_open", f"Logs that could not be read. Counted up to {COUNTED_TO}.")
UNCOVERED = gauge("bookentry_chain_contracts_uncovered", "Watched contracts whose past is not ingested yet.")
STREAM = (HEAD, HEAD_AGE, FINAL, FINAL_LAG, HALTED, DEAD_LETTERS, UNCOVERED)

INTENTS = gauge(
    "bookentry_chain_intents_open", f"Transactions on their way, by state. Counted up to {COUNTED_TO}.", "state"
)
INTENTS_OLDEST = gauge(
    "bookentry_chain_oldest_intent_age_seconds", "Seconds since the oldest open transaction was written; 0 if none."
)
FROZEN = gauge("bookentry_chain_signers_frozen", "Signers that send nothing until a person looks.")
SENDER = (INTENTS, INTENTS_OLDEST, FROZEN)

ENDPOINT_STATE = gauge("bookentry_chain_endpoint_state", "1 for the state the node is in.", "endpoint", "state")
ENDPOINT_HEAD = gauge("bookentry_chain_endpoint_head_block", "Height of the node's newest block.", "endpoint")
ENDPOINT_FINAL = gauge("bookentry_chain_endpoint_final_block", "Height of the node's newest final block.", "endpoint")
ENDPOINT_RANGE = gauge("bookentry_chain_endpoint_range_blocks", "Blocks it takes in one question for logs.", "endpoint")
ENDPOINT_LIES = counter("bookentry_chain_endpoint_lies_total", "Times the node contradicted itself.", "endpoint")
ENDPOINTS = (ENDPOINT_STATE, ENDPOINT_HEAD, ENDPOINT_FINAL, ENDPOINT_RANGE, ENDPOINT_LIES)


def stream_health() -> Health:
    """Down for projections while halted; the rest of the platform keeps serving."""
    stream = blocks.stream()
    if stream is None:
        return Health(ok=False, detail="no block stored yet", required=False)
    if stream.halted:
        return Health(ok=False, detail=f"halted at block {stream.number}: {stream.halted}", required=False)
    return Health(ok=True, detail=f"block {stream.number}, final {stream.final_number}", required=False)


def read_stream_metrics() -> Iterator[Sample]:
    """Heights, how old the head is, and what waits for a person or for a backfill."""
    head, final = blocks.head(), blocks.final_head()
    stream = blocks.stream()
    if head:
        yield HEAD.sample(head.number)
        yield HEAD_AGE.sample(max((clock.now() - head.timestamp).total_seconds(), 0))
    if head and final:
        yield FINAL.sample(final.number)
        yield FINAL_LAG.sample(head.number - final.number)
    yield HALTED.sample(bool(stream and stream.halted))
    yield DEAD_LETTERS.sample(counted(DeadLetter.objects.filter(resolved_at=None)))
    yield UNCOVERED.sample(counted(WatchedContract.objects.filter(covered=False)))


def signer_health() -> Health:
    """Degraded while a signer is frozen or none is set up."""
    frozen = Signer.objects.exclude(frozen_at=None).values_list("role", "frozen_reason")
    if frozen:
        return Health(ok=False, detail=", ".join(f"{role} frozen: {why}" for role, why in frozen), required=False)
    number = Signer.objects.count()
    return Health(ok=number > 0, detail=f"{number} signers", required=False)


def read_sender_metrics() -> Iterator[Sample]:
    """What is on its way, and what stopped."""
    for state, number in counted_by(TxIntent.objects.filter(state__in=OPEN), "state"):
        yield INTENTS.sample(number, state=state)
    oldest = TxIntent.objects.filter(state__in=OPEN).aggregate(at=Min("created_at"))["at"]
    yield INTENTS_OLDEST.sample(max((clock.now() - oldest).total_seconds(), 0) if oldest else 0)
    yield FROZEN.sample(Signer.objects.exclude(frozen_at=None).count())


def endpoint_health() -> Health:
    """Degraded while a configured node is not asked, and by which name."""
    left = RpcEndpoint.objects.filter(name__in=configured()).exclude(state=EndpointState.HEALTHY).order_by("priority")
    names = [f"{row.name} {row.state.lower()}: {row.reason}" for row in left]
    return Health(ok=not names, detail=", ".join(names) or f"{len(configured())} nodes", required=False)


def read_endpoint_metrics() -> Iterator[Sample]:
    """States, heights and caps of the configured nodes that an engine has looked at."""
    for row in RpcEndpoint.objects.filter(name__in=configured()).order_by("priority"):
        for state in EndpointState.values:
            yield ENDPOINT_STATE.sample(row.state == state, endpoint=row.name, state=state)
        if row.head_number is not None:
            yield ENDPOINT_HEAD.sample(row.head_number, endpoint=row.name)
        if row.final_number is not None:
            yield ENDPOINT_FINAL.sample(row.final_number, endpoint=row.name)
        yield ENDPOINT_RANGE.sample(row.range_blocks, endpoint=row.name)
        yield ENDPOINT_LIES.sample(row.lies, endpoint=row.name)
