"""Reads of logs, in chain order."""

from collections.abc import Collection

from django.db.models import Min

from apps.chain import codec
from apps.chain.models import Block, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors.blocks import STREAM, view
from apps.chain.types import BlockView, Finality, LogView

FinalBlock = tuple[BlockView, list[LogView]]


def final_blocks_after(number: int, limit: int, addresses: Collection[str] | None = None) -> list[FinalBlock]:
    """Final blocks above `number`, lowest first, each with its logs in order; empty blocks included.

    Blocks that a contract being backfilled may still add logs to are withheld. With `addresses` only those
    contracts' logs are given.
    """
    blocks = Block.objects.filter(finality=Finality.FINAL, number__gt=number)
    if (bound := covered_to()) is not None:
        blocks = blocks.filter(number__lte=bound)
    chosen = list(blocks.order_by("number")[:limit])
    logs: dict[int, list[LogView]] = {block.pk: [] for block in chosen}
    for log in _logs(list(logs), addresses):
        logs[log.block_id].append(log_view(log))
    return [(view(block), logs[block.pk]) for block in chosen]


def _logs(block_ids: list[int], addresses: Collection[str] | None) -> list[RawLog]:
    found = RawLog.objects.filter(block_id__in=block_ids).select_related("block")
    if addresses is not None:
        found = found.filter(address__in=addresses)
    return list(found.order_by("block_number", "log_index"))


def covered_to() -> int | None:
    """The last block whose logs are whole for every watched contract, None before the first block."""
    behind = WatchedContract.objects.filter(covered=False).aggregate(lowest=Min("covered_to"))["lowest"]
    cursor = StreamCursor.objects.filter(name=STREAM).values_list("number", flat=True).first()
    known = [number for number in (behind, cursor) if number is not None]
    return min(known) if cursor is not None else None


def is_covered(address: str) -> bool:
    """Whether everything a watched contract ever logged, from its first block to the cursor, is stored."""
    return WatchedContract.objects.filter(address=address, covered=True).exists()


def logs_of_tx(tx_hash: str) -> list[LogView]:
    """The stored logs of a transaction in the canonical chain, final or not."""
    found = RawLog.objects.filter(tx_hash=tx_hash, block__canonical=True).select_related("block")
    return [log_view(log) for log in found.order_by("log_index")]


def log_view(log: RawLog) -> LogView:
    """A stored log, decoded."""
    undecodable, event = False, None
    try:
        event = codec.decode(log.topics, log.data)
    except codec.Undecodable:
        undecodable = True
    return LogView(
        block_number=log.block_number,
        block_hash=log.block.hash,
        log_index=log.log_index,
        tx_hash=log.tx_hash,
        tx_index=log.tx_index,
        address=log.address,
        topics=tuple(log.topics),
        data=log.data,
        event=event,
        undecodable=undecodable,
    )
