"""What the ingestion tests share: a stream to lead, and what must hold of it."""

from datetime import UTC, datetime
from itertools import pairwise

from apps.chain.fetching import RangeCap
from apps.chain.gateway import Node
from apps.chain.models import Block, RawLog, StreamCursor, TokenTransfer
from apps.chain.services import ingestion, watching
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.types import ContractKind
from apps.core.daemon import Leadership, elect
from apps.core.db import unit_of_work

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ALICE, BOB = hx(0xA11CE), hx(0xB0B)


def lead() -> Leadership:
    """Begin a new epoch of the ingester."""
    leadership = elect("ingester")
    assert leadership is not None
    return leadership


def step(node: Node, leadership: Leadership, cap: RangeCap | None = None) -> bool:
    """One step; true if more is waiting."""
    return ingestion.advance(node=node, leadership=leadership, cap=cap or RangeCap(), now=NOW)


def catch_up(node: Node, leadership: Leadership, cap: RangeCap | None = None) -> int:
    """Step until nothing is waiting; the number of steps."""
    cap = cap or RangeCap()
    steps = 1
    while step(node, leadership, cap):
        steps += 1
        assert steps < 500
    return steps


def watch(address: str, from_block: int, kind: ContractKind = ContractKind.CASH) -> None:
    """Watch a contract."""
    with unit_of_work():
        watching.watch(address=address, kind=kind, from_block=from_block, now=NOW)


def head_fold(token: str) -> dict[str, int]:
    """Balances at the head by the canonical logs, final or not."""
    found: dict[str, int] = {}
    for each in TokenTransfer.objects.filter(token=token, block__canonical=True):
        found[each.sender] = found.get(each.sender, 0) - each.amount
        found[each.recipient] = found.get(each.recipient, 0) + each.amount
    return {wallet: units for wallet, units in found.items() if units and wallet != hx(0)}


def everything() -> list[tuple[object, ...]]:
    """All blocks and logs as they stand."""
    rows = Block.objects.order_by("pk").values_list("hash", "canonical", "finality")
    return [*rows, *RawLog.objects.order_by("pk").values_list("block_id", "log_index")]


def canonical_chain_is_whole(chain: LocalChain) -> None:
    """Every height from the first to the cursor has one canonical block, linked, and it is the node's."""
    cursor = StreamCursor.objects.get()
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
