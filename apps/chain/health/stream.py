"""What operators see of the stream."""

from collections.abc import Iterator

from django.db.models import Min

from apps.chain.models import DeadLetter, RawLog, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.selectors.stream import reorganisations, stream_status
from apps.core import clock
from apps.core.metrics import COUNTED_TO, Sample, counted, counter, gauge
from apps.core.registry import Health

HEAD = gauge("bookentry_chain_head_block", "Height of the newest block stored.")
HEAD_AGE = gauge("bookentry_chain_head_age_seconds", "Seconds since the newest stored block's own time.")
FINAL = gauge("bookentry_chain_final_block", "Height of the newest final block stored.")
FINAL_LAG = gauge("bookentry_chain_final_lag_blocks", "Blocks stored beyond the newest final one.")
HALTED = gauge("bookentry_chain_stream_halted", "1 while ingestion has stopped for a person to decide.")
DEAD_LETTERS = gauge(
    "bookentry_chain_dead_letters_open",
    f"Logs that could not be read, of orphaned blocks too. Counted up to {COUNTED_TO}.",
)
UNCOVERED = gauge("bookentry_chain_contracts_uncovered", "Watched contracts whose past is not ingested yet.")
BACKFILL = gauge("bookentry_chain_backfill_left_blocks", "Blocks that the furthest behind of these contracts lacks.")
LAG = gauge("bookentry_chain_stream_lag_blocks", "Blocks the highest node that is well has beyond the newest stored.")
FOLD_LAG = gauge("bookentry_chain_fold_lag_blocks", "Stored blocks whose changes balances lack, by the fold.", "fold")
EVENTS = counter(
    "bookentry_chain_events_total", "Numbers given to logs: those stored, and the few whose commit failed."
)
REORGS = counter("bookentry_chain_reorganisations_total", "Times blocks were left for others.")
REORG_DEPTH = gauge("bookentry_chain_last_reorganisation_blocks", "Blocks that were left the last time; 0 if never.")
STREAM = (
    *(HEAD, HEAD_AGE, FINAL, FINAL_LAG, HALTED, DEAD_LETTERS, UNCOVERED, BACKFILL),
    *(LAG, FOLD_LAG, EVENTS, REORGS, REORG_DEPTH),
)


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
    behind = WatchedContract.objects.filter(covered=False)
    yield UNCOVERED.sample(counted(behind))
    furthest = behind.aggregate(lowest=Min("covered_to"))["lowest"]
    yield BACKFILL.sample(max(stream.number - furthest, 0) if stream and furthest is not None else 0)
    yield from _read_progress()


def _read_progress() -> Iterator[Sample]:
    """How far the stream is behind the nodes, and balances behind it; what it has done."""
    status = stream_status(clock.now())
    yield LAG.sample(status.lag_blocks)
    for fold, lag in status.fold_lags.items():
        yield FOLD_LAG.sample(lag, fold=fold)
    # Numbered as they are written, and never deleted: no count that gets slower.
    newest = RawLog.objects.filter(pk__gt=0).order_by("-pk").values_list("pk", flat=True).first()
    yield EVENTS.sample(newest or 0)
    last = reorganisations()
    yield REORGS.sample(last.count)
    yield REORG_DEPTH.sample(last.depth)
