"""Reads of logs, in chain order."""

from collections.abc import Collection, Mapping

from django.db.models import Min, QuerySet

from apps.chain import codec
from apps.chain.models import Block, RawLog, StreamCursor, TokenBinding, WatchedContract
from apps.chain.selectors.blocks import STREAM, view
from apps.chain.selectors.watched import watched_kinds
from apps.chain.types import BlockView, ContractKind, Finality, Folds, LogView

FinalBlock = tuple[BlockView, list[LogView]]


def final_blocks_after(number: int, limit: int, addresses: Collection[str] | None = None) -> list[FinalBlock]:
    """Final blocks above `number`, lowest first, each with its logs in order; empty blocks included.

    With `addresses` only those contracts' logs are given. Blocks to which a contract asked for may still add logs,
    because its past is being backfilled, are withheld: of other contracts' past nobody has to wait.
    """
    blocks = Block.objects.filter(finality=Finality.FINAL, number__gt=number)
    if (bound := covered_to(addresses)) is not None:
        blocks = blocks.filter(number__lte=bound)
    chosen = list(blocks.order_by("number").defer("logs_bloom")[:limit])
    found = RawLog.objects.filter(block_id__in=[block.pk for block in chosen])
    if addresses is not None:
        found = found.filter(address__in=addresses)
    logs: dict[str, list[LogView]] = {block.hash: [] for block in chosen}
    for log in _views(found):
        logs[log.block_hash].append(log)
    return [(view(block), logs[block.hash]) for block in chosen]


def _views(found: QuerySet[RawLog]) -> list[LogView]:
    """Rows rather than models: a projection that catches up reads very many."""
    rows = found.order_by("block_number", "log_index").values_list(
        "block_number", "block__hash", "log_index", "tx_hash", "tx_index", "address", "topics", "data"
    )
    kinds, by_partition = watched_kinds(), _folded_from_partitions()
    return [_log_view(*row, kinds, by_partition) for row in rows]


def _folded_from_partitions() -> frozenset[str]:
    """Tokens whose balances the events of partitions tell."""
    return frozenset(TokenBinding.objects.filter(folds=Folds.PARTITION).values_list("address", flat=True))


def covered_to(addresses: Collection[str] | None = None) -> int | None:
    """The last block whose logs are whole for these watched contracts, or for all; None before the first block."""
    uncovered = WatchedContract.objects.filter(covered=False)
    if addresses is not None:
        uncovered = uncovered.filter(address__in=addresses)
    behind = uncovered.aggregate(lowest=Min("covered_to"))["lowest"]
    cursor = StreamCursor.objects.filter(name=STREAM).values_list("number", flat=True).first()
    known = [number for number in (behind, cursor) if number is not None]
    return min(known) if cursor is not None else None


def is_covered(address: str) -> bool:
    """Whether everything a watched contract ever logged, from its first block to the cursor, is stored."""
    return WatchedContract.objects.filter(address=address, covered=True).exists()


def logs_of_tx(tx_hash: str) -> list[LogView]:
    """The stored logs of a transaction in the canonical chain, final or not."""
    return _views(RawLog.objects.filter(tx_hash=tx_hash, block__canonical=True))


def _log_view(
    block_number: int,
    block_hash: str,
    log_index: int,
    tx_hash: str,
    tx_index: int,
    address: str,
    topics: tuple[str, ...],
    data: str,
    kinds: Mapping[str, ContractKind],
    by_partition: frozenset[str],
) -> LogView:
    undecodable, event = False, None
    try:
        event = codec.decode(topics, data, kind=kinds.get(address))
    except codec.Undecodable:
        undecodable = True
    folds = Folds.PARTITION if address in by_partition else Folds.TRANSFER
    facts = (block_number, block_hash, log_index, tx_hash, tx_index, address, topics, data)
    return LogView(*facts, event, undecodable, folds)
