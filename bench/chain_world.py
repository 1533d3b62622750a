"""A chain full of token events on a node of its own: an ERC-3643 token, its holders, and what its agent does."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from apps.core.devstack.anvil import private_node

if TYPE_CHECKING:  # other benchmarks are not to carry web3
    from contracts.tests.erc3643 import Suite
    from contracts.tests.node import Chain

T = TypeVar("T")

BLOCK_GAS = 2_000_000_000
TRANSACTION_GAS, SINGLE_GAS = 2**24, 300_000  # the first is the most there may be (EIP-7825)
FEES = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**9)}
# In one transaction, within its gas.
REGISTERED, MINTED, MOVED = 400, 350, 400
MINED_AT_ONCE = 8  # blocks
STATES = 300  # kept by the node, each some megabytes
UNITS = 1_000  # minted to each holder
SAMPLE = 1_000  # holders
BLOCKS_COUNTED_AT_ONCE = 20
FINAL_AFTER = 3  # blocks, with one slot an epoch


@dataclass(frozen=True)
class Place:
    """What another process is told of the chain: its head, the token, how many logs it has, some holders."""

    url: str
    head: int
    token: str
    first_block: int
    logs: int
    sample: Sequence[str]


@dataclass
class World:
    """The node, the token, and hands to fill blocks. Every transaction is the token's agent's."""

    url: str
    chain: "Chain"
    suite: "Suite"
    agent: str
    first_block: int
    holders: Sequence[str]
    moved: int = 0
    counted: Counter[int] = field(default_factory=Counter)

    @property
    def token(self) -> str:
        """The token's address."""
        return str(self.suite.token.address).lower()

    def head(self) -> int:
        """The newest block's number."""
        return int(self.chain.rpc("eth_blockNumber"), 16)

    def mine(self, blocks: int) -> None:
        """Mine empty blocks, few with one question: each copies all that the token holds."""
        for part in parts(range(blocks), MINED_AT_ONCE):
            self.chain.rpc("anvil_mine", hex(len(part)))

    def register(self, identity: str) -> None:
        """Let all holders hold, by one identity: whose claims they are is not what is measured."""
        from contracts.tests.erc3643 import COUNTRY_US

        rows = [(holder, identity, COUNTRY_US) for holder in self.holders]
        for part in parts(rows, REGISTERED):
            self._mine_call(self.suite.identity_registry.address, "batchRegisterIdentity", REGISTER, [part])

    def mint(self) -> None:
        """A Transfer to every holder."""
        for part in parts([(holder, UNITS) for holder in self.holders], MINTED):
            self._mine_call(self.suite.token.address, "batchMint", MINT, [part])

    def move(self, events: int, *, a_block: int = 2 * MOVED) -> None:
        """So many Transfers between holders, `a_block` of them in each block."""
        for pairs in parts(self._pairs(events), a_block):
            self._mine_call(self.suite.token.address, "batchForcedTransfer", MOVE, parts(pairs, MOVED))

    def send_moves(self, transactions: int) -> None:
        """Transactions of one Transfer each, for whatever block the node mines next."""
        data = [calldata("forcedTransfer", MOVE, pair) for pair in self._pairs(transactions)]
        self._send(self.suite.token.address, data, gas=SINGLE_GAS)

    def place(self) -> Place:
        """The chain as it is now, every log of the token counted as the node gives them."""
        first, head = max(self.counted, default=self.first_block - 1) + 1, self.head()
        for numbers in parts(range(first, head + 1), BLOCKS_COUNTED_AT_ONCE):
            span = {"fromBlock": hex(numbers[0]), "toBlock": hex(numbers[-1]), "address": self.token}
            self.counted.update(int(log["blockNumber"], 16) for log in self.chain.rpc("eth_getLogs", span))
        every = max(1, len(self.holders) // SAMPLE)
        sample = self.holders[::every][:SAMPLE]
        return Place(self.url, head, self.token, self.first_block, self.counted.total(), sample)

    def block_of(self, events: int) -> int:
        """The block with which the token had logged so many events. Raises RuntimeError if it never had."""
        seen = 0
        for number in sorted(self.counted):
            seen += self.counted[number]
            if seen >= events:
                return number
        raise RuntimeError(f"the token has logged {seen} events")

    def _pairs(self, count: int) -> list[tuple[str, str, int]]:
        """From whom to whom one unit goes next: all holders give in turn, to another one each time round."""
        many, first = len(self.holders), self.moved
        self.moved += count
        turns = (divmod(number, many) for number in range(first, self.moved))
        return [(self.holders[giver], self.holders[(giver * 7 + 1 + turn) % many], 1) for turn, giver in turns]

    def _mine_call(self, to: str, name: str, types: Sequence[str], batches: Sequence[Sequence[Any]]) -> None:
        """One block, with a transaction for each batch of rows."""
        lists = [f"{each}[]" for each in types]
        data = [calldata(name, lists, [list(column) for column in zip(*rows, strict=True)]) for rows in batches]
        self._send(to, data, gas=TRANSACTION_GAS)
        self.chain.rpc("evm_mine")

    def _send(self, to: str, data: Sequence[bytes], *, gas: int) -> None:
        nonce = int(self.chain.rpc("eth_getTransactionCount", self.agent, "pending"), 16)
        common = {"from": self.agent, "to": to, "gas": hex(gas), **FEES}
        requests = [
            {**common, "data": "0x" + each.hex(), "nonce": hex(number)} for number, each in enumerate(data, nonce)
        ]
        self.chain.rpc_batch([("eth_sendTransaction", [request]) for request in requests])


REGISTER = ("address", "address", "uint16")
MINT = ("address", "uint256")
MOVE = ("address", "address", "uint256")


def calldata(name: str, types: Sequence[str], values: Sequence[Any]) -> bytes:
    """A call of the function `name` with arguments of these types."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    return keccak(text=f"{name}({','.join(types)})")[:4] + encode(types, values)


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in pieces of `size`, the last one shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


@contextmanager
def token_world(*, holders: int, slots_in_an_epoch: int, say: Callable[[str], None]) -> Iterator[World]:
    """A node with the token and so many holders of it, one mint each; blocks are mined when they are asked for.

    It is the product's node in this process and in those begun from it, if they set Django up within the block.
    """
    from contracts.tests.erc3643 import deploy_platform
    from contracts.tests.node import Chain

    with private_node(slots_in_an_epoch=slots_in_an_epoch, gas_limit=BLOCK_GAS, states=STATES) as url:
        os.environ["CHAIN_RPC_URL"] = url
        chain = Chain(url)
        owner, manager, agent = chain.accounts[:3]
        platform = deploy_platform(chain, owner=owner, manager=manager, agent=agent)
        first_block = int(chain.rpc("eth_blockNumber"), 16) + 1
        suite = platform.deploy_token("BENCH", topics=())
        chain.rpc("evm_setAutomine", False)
        wallets = ["0x" + sha256(number.to_bytes(4, "big")).hexdigest()[:40] for number in range(holders)]
        world = World(url, chain, suite, agent, first_block, wallets)
        world.register(platform.claim_issuer.address)
        world.mint()
        say(f"a token with {holders:,} holders, {world.head()} blocks")
        yield world
