"""What the ingestion tests share: a stream to lead, and what must hold of it."""

from datetime import UTC, datetime
from itertools import pairwise

from apps.chain.gateway import Node
from apps.chain.models import Block, DeadLetter, LateEffect, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors import holdings
from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD, STREAM
from apps.chain.selectors.holders import held_at_final, held_at_head
from apps.chain.services import ingestion, watching
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.types import ContractKind, EffectKind
from apps.core.daemon import Leadership, elect
from apps.core.db import unit_of_work

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ALICE, BOB = hx(0xA11CE), hx(0xB0B)


def lead() -> Leadership:
    """Begin a new epoch of the ingester."""
    leadership = elect("ingester")
    assert leadership is not None
    return leadership


def step(node: Node, leadership: Leadership) -> bool:
    """One step; true if more is waiting."""
    return ingestion.advance(node=node, leadership=leadership, now=NOW)


def catch_up(node: Node, leadership: Leadership) -> int:
    """Step until nothing is waiting; the number of steps."""
    steps = 1
    while step(node, leadership):
        steps += 1
        assert steps < 500
    balances_are_folds()
    return steps


def balances_are_folds() -> None:
    """What is folded block by block is what the canonical logs say at once."""
    head, final = (StreamCursor.objects.filter(name=name).first() for name in (HEAD_FOLD, FINAL_FOLD))
    for token in WatchedContract.objects.filter(covered=True).values_list("address", flat=True):
        assert dict(held_at_head(token).by_wallet) == head_fold(token)
        if final is not None and not DeadLetter.objects.filter(address=token, resolved_at=None).exists():
            assert held_at_final(token) == holdings.fold(token, final.number)
    for block in Block.objects.filter(effects__isnull=False).distinct():
        assert (block.effects.count() % 2 == 1) == (block.canonical and head is not None)


def watch(address: str, from_block: int, kind: ContractKind = ContractKind.CASH) -> None:
    """Watch a contract."""
    with unit_of_work():
        watching.watch(address=address, kind=kind, from_block=from_block, now=NOW)


def head_fold(token: str) -> dict[str, int]:
    """Balances at the head by the canonical logs, final or not."""
    found: dict[str, int] = {}
    moved = RawLog.objects.filter(address=token, block__canonical=True, effect=EffectKind.MOVED)
    late = LateEffect.objects.filter(log__address=token, log__block__canonical=True, effect=EffectKind.MOVED)
    for each in [*moved, *late]:
        found[each.sender] = found.get(each.sender, 0) - each.amount
        found[each.recipient] = found.get(each.recipient, 0) + each.amount
    return {wallet: units for wallet, units in found.items() if units and wallet != hx(0)}


def everything() -> list[tuple[object, ...]]:
    """All blocks and logs as they stand."""
    rows = Block.objects.order_by("pk").values_list("hash", "canonical", "finality")
    return [*rows, *RawLog.objects.order_by("pk").values_list("block_id", "log_index")]


def canonical_chain_is_whole(chain: LocalChain) -> None:
    """Every height from the first to the cursor has one canonical block, linked, and it is the node's."""
    cursor = StreamCursor.objects.get(name=STREAM)
    rows = list(Block.objects.filter(canonical=True).order_by("number"))
    assert [row.number for row in rows] == list(range(cursor.first_number, cursor.number + 1))
    assert all(child.parent_hash == parent.hash for parent, child in pairwise(rows))
    assert rows[-1].hash == cursor.hash == chain.hash_at(cursor.number)


def node_logs(chain: LocalChain, address: str) -> list[tuple[str, int]]:
    """What the node itself says a contract logged: (block hash, log index)."""
    criteria = {"fromBlock": "0x0", "toBlock": "latest", "address": address}
    return [(log["blockHash"], int(log["logIndex"], 16)) for log in chain.node.call("eth_getLogs", criteria)]


def stored_logs(address: str) -> list[tuple[str, int]]:
    """What the books say it logged, in the canonical chain, in chain order."""
    rows = RawLog.objects.filter(address=address, block__canonical=True).order_by("block_number", "log_index")
    return list(rows.values_list("block__hash", "log_index"))
