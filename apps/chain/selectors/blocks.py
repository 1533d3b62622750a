"""Reads of blocks and of how far the stream is."""

from collections.abc import Collection

from apps.chain.models import Block, StreamCursor
from apps.chain.types import BlockView, Finality, StreamView

STREAM = "blocks"
# How far balances are folded: apps.chain.services.holders.
HEAD_FOLD, FINAL_FOLD = "head", "final"


def head() -> BlockView | None:
    """The newest canonical block stored, None before the first."""
    return _first(canonical=True)


def final_head() -> BlockView | None:
    """The newest final block, None before the first."""
    return _first(finality=Finality.FINAL)


def _first(**conditions: object) -> BlockView | None:
    block = Block.objects.filter(**conditions).order_by("-number").first()
    return view(block) if block else None


def final_block(number: int) -> BlockView | None:
    """The final block at a height, None where there is none yet."""
    return _first(finality=Finality.FINAL, number=number)


def blocks_by_hash(hashes: Collection[str]) -> dict[str, BlockView]:
    """The stored blocks among `hashes`, canonical or not."""
    return {block.hash: view(block) for block in Block.objects.filter(hash__in=hashes)}


def stream() -> StreamView | None:
    """How far ingestion is, None before its first block."""
    cursor = StreamCursor.objects.filter(name=STREAM).first()
    if cursor is None:
        return None
    final = final_head()
    final_number = final.number if final else None
    return StreamView(cursor.number, cursor.hash, final_number, cursor.halted, cursor.moved_at)


def view(block: Block) -> BlockView:
    """A block as others see it."""
    return BlockView(
        number=block.number,
        hash=block.hash,
        parent_hash=block.parent_hash,
        timestamp=block.timestamp,
        state_root=block.state_root,
        canonical=block.canonical,
        finality=block.finality,
    )
