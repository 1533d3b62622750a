"""How far the stream is behind the nodes, what it covers, and what it went through: no node is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, QuerySet

from apps.chain.models import Block, DeadLetter, Reorganisation, StreamCursor, WatchedContract
from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD, STREAM, final_head
from apps.chain.selectors.endpoints import endpoints
from apps.chain.types import EndpointState


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """`lag_blocks` is what the highest of `nodes_well` has beyond us; `age_seconds` since our newest block's time.

    `fold_lags` are stored blocks whose changes the balances lack: at the head all, at the final one those final.
    `age_seconds` is None before the first block.
    """

    lag_blocks: int
    nodes_well: int
    age_seconds: float | None
    halted: str
    fold_lags: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Coverage:
    """From which block to which all is stored, None before the first, and the contracts whose past is still fetched.

    `behind_from` is where the furthest behind of them is.
    """

    from_block: int | None
    to_block: int | None
    contracts: int
    contracts_behind: int
    behind_from: int | None


@dataclass(frozen=True, slots=True)
class Reorganisations:
    """How often blocks were left for others, and the last time: how many, and when."""

    count: int
    depth: int
    at: datetime | None


def stream_status(now: datetime) -> StreamStatus:
    """The present status."""
    at = {cursor.name: cursor for cursor in StreamCursor.objects.filter(name__in=(STREAM, HEAD_FOLD, FINAL_FOLD))}
    cursor = at.get(STREAM)
    well = [node.head or 0 for node in endpoints() if node.state == EndpointState.HEALTHY]
    highest = max(well, default=0)
    if cursor is None:
        return StreamStatus(highest, len(well), None, "", {})
    time = Block.objects.filter(hash=cursor.hash).values_list("timestamp", flat=True).first()
    final = final_head()
    reached = {HEAD_FOLD: cursor.number, FINAL_FOLD: final.number if final else cursor.first_number}
    return StreamStatus(
        lag_blocks=max(highest - cursor.number, 0),
        nodes_well=len(well),
        age_seconds=max((now - time).total_seconds(), 0) if time else None,
        halted=cursor.halted,
        fold_lags={name: max(reached[name] - at[name].number, 0) for name in reached if name in at},
    )


def coverage() -> Coverage:
    """What is stored whole. Contracts are as many as there are securities."""
    cursor = StreamCursor.objects.filter(name=STREAM).first()
    behind = WatchedContract.objects.filter(covered=False)
    return Coverage(
        from_block=cursor.first_number if cursor else None,
        to_block=cursor.number if cursor else None,
        contracts=WatchedContract.objects.count(),
        contracts_behind=behind.count(),
        behind_from=behind.aggregate(lowest=Min("covered_to"))["lowest"],
    )


def open_letters() -> QuerySet[DeadLetter]:
    """Logs of canonical blocks that could not be read, and nobody has dismissed."""
    return DeadLetter.objects.filter(resolved_at=None, block__canonical=True)


def reorganisations() -> Reorganisations:
    """All there were: they are numbered without gaps, and never deleted."""
    last = Reorganisation.objects.filter(pk__gt=0).order_by("-pk").first()
    if last is None:
        return Reorganisations(0, 0, None)
    return Reorganisations(last.pk, last.tip_number - last.ancestor_number, last.at)
