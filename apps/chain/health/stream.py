"""What operators see of the stream."""

from collections.abc import Iterator

from apps.chain.models import DeadLetter, WatchedContract
from apps.chain.selectors import blocks
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, gauge
from apps.core.registry import Health

HEAD = gauge("bookentry_chain_head_block", "Height of the newest block stored.")
HEAD_AGE = gauge("bookentry_chain_head_age_seconds", "Seconds since the newest stored block's own time.")
FINAL = gauge("bookentry_chain_final_block", "Height of the newest final block stored.")
FINAL_LAG = gauge("bookentry_chain_final_lag_blocks", "Blocks stored beyond the newest final one.")
HALTED = gauge("bookentry_chain_stream_halted", "1 while ingestion has stopped for a person to decide.")
DEAD_LETTERS = gauge("bookentry_chain_dead_letters_open", f"Logs that could not be read. Counted up to {COUNTED_TO}.")
UNCOVERED = gauge("bookentry_chain_contracts_uncovered", "Watched contracts whose past is not ingested yet.")
STREAM = (HEAD, HEAD_AGE, FINAL, FINAL_LAG, HALTED, DEAD_LETTERS, UNCOVERED)


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
