"""Reading all of a busy chain, and what the node itself says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from apps.chain.fetching import all_logs, fetch_blocks, fetch_headers
from apps.chain.gateway import Node
from apps.chain.limits import VERIFIED, Mode, Policy, ReceiptPolicy
from apps.chain.testing.lies import Answer, Lie
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain
from apps.core.devstack.layout import CHAIN_ID

RANGES = Policy(mode=Mode.RANGES)
RECEIPTS = Policy(mode=Mode.RECEIPTS)
BLOOM = Policy(receipts=ReceiptPolicy.BLOOM)
POLICIES = {"receipts": RECEIPTS, "ranges": RANGES, "bloom": BLOOM, "cheapest": VERIFIED}

Place = tuple[str, int, str, int, str, tuple[str, ...], str]


@dataclass(frozen=True)
class Truth:
    head: int
    addresses: list[str]
    logs: list[Place]  # of these addresses, in chain order


def truth_of(chain: BusyChain) -> Truth:
    addresses = [chain.talker, *chain.speakers]
    criteria = {"fromBlock": "0x0", "toBlock": "latest", "address": addresses}
    return Truth(chain.head(), addresses, [served(log) for log in chain.node.call("eth_getLogs", criteria)])


def served(log: Answer) -> Place:
    return (
        log["blockHash"], int(log["logIndex"], 16), log["transactionHash"], int(log["transactionIndex"], 16),
        log["address"], tuple(log["topics"]), log["data"],
    )  # fmt: skip


def read_all(node: Node, truth: Truth, *, final: int | None = None) -> list[Place]:
    """Every log of the truth's contracts, as fetching gives them; all blocks are final unless `final` is given."""
    headers = fetch_headers(node, 0, truth.head)
    found = fetch_blocks(node, headers, truth.addresses, final_number=truth.head if final is None else final)
    assert [block.header.number for block in found] == list(range(truth.head + 1))
    return [
        (log.block_hash, log.log_index, log.tx_hash, log.tx_index, log.address, log.topics, log.data)
        for log in all_logs(found)
    ]


@contextmanager
def session(liar: LyingNode, *lies: Lie, policy: Policy = VERIFIED, seconds: float = 30) -> Iterator[Node]:
    """A session with a node that tells these lies while it lasts."""
    timeout = httpx.Timeout(seconds)
    with liar.lying(*lies), Node(liar.url, chain_id=CHAIN_ID, policy=policy, timeout=timeout) as node:
        yield node
