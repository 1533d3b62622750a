"""Histories that part: a branch undone and another mined, or two nodes that live on two branches at once.

Every block of a branch differs from the other branch's at its height, also where both are empty: its time is shifted,
and another account mines it. Blocks re-mined by `anvil_reorg` alone may come out with the hash they had.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from apps.chain.testing.client import ChainClient
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.recording import Recording
from apps.core.devstack.anvil import private_node

SHIFT_SECONDS = 1
NO_MINER = "0x" + "00" * 20
_miners = count(1)


class Fork:
    """A chain that can go back to where it parted, and take another way from there."""

    def __init__(self, chain: ChainClient) -> None:
        self._chain = chain
        self._snapshot = chain.snapshot()
        self.number = chain.head()
        self.hash = chain.hash_at(self.number)

    def record(self) -> Recording:
        """What the node says of the branch as it stands, to be told when it is no more."""
        return Recording.of(self._chain, self.number + 1)

    def switch(self) -> Recording:
        """Undo the branch and begin another; what was said of the old one.

        What was mined on it is forgotten by the node, what waits in its pool still waits.
        """
        old = self.record()
        self._chain.restore(self._snapshot)
        self._snapshot = self._chain.snapshot()
        diverge(self._chain)
        return old


@contextmanager
def forking(chain: ChainClient) -> Iterator[Fork]:
    """Where the chain stands now, it may part. What branch it is on at the end it stays on."""
    try:
        yield Fork(chain)
    finally:
        chain.node.call("anvil_setCoinbase", NO_MINER)


@contextmanager
def second_branch(
    chain: ChainClient, *, slots_in_an_epoch: int | None = None, past_states: bool = False
) -> Iterator[LocalChain]:
    """Another node with the same past, block for block, and from now on a branch of its own; both live.

    Below where they part it cannot be reorganised, and without `past_states` its state cannot be read there. For chains
    of some thousands of logs: the past is handed over in one request, 1.4 kB a log.
    """
    with private_node(slots_in_an_epoch=slots_in_an_epoch, large_requests=True) as url:
        other = LocalChain(url)
        try:
            other.node.call("anvil_loadState", chain.node.call("anvil_dumpState", past_states))
            diverge(other)
            yield other
        finally:
            other.close()


def reorg(chain: ChainClient, depth: int, again: list[tuple[str, int]] | None = None) -> Recording:
    """Replace the last blocks by as many others, in one call: nobody sees a lower head. What was said of the old ones.

    `again` is that of `ChainClient.reorg`.
    """
    old = Recording.of(chain, chain.head() - depth + 1)
    chain.node.call("anvil_setCoinbase", _next_miner())
    chain.reorg(depth, again)
    chain.node.call("anvil_setCoinbase", NO_MINER)
    return old


def diverge(chain: ChainClient) -> None:
    """From the next block on, let no block be like one that was mined here or elsewhere."""
    chain.node.call("evm_increaseTime", SHIFT_SECONDS)
    chain.node.call("anvil_setCoinbase", _next_miner())


def _next_miner() -> str:
    return f"0x{0xB10C << 64 | next(_miners):040x}"
