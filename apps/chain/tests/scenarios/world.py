"""What the scenarios of the stream share: books fed by nodes that may lie, and books of the same chain fed honestly."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eth_abi.abi import encode

from apps.chain.services import dead_letters
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.testing.twin import Rows, differences, rows
from apps.chain.tests.busy_chain import chatterbox
from apps.chain.tests.following import Desk, desk_of
from apps.chain.tests.stage import balances_are_folds, canonical_chain_is_whole, catch_up, lead, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node
from apps.core.testing import databases

HOLDERS = [hx(0xD0E + number) for number in range(4)]
SLOTS = 8
FINALITY = 2 * SLOTS  # a block is final so many later


@dataclass
class HonestBooks:
    """Books of their own that the chain's true node feeds, whenever they are told to look."""

    database: str
    chain: LocalChain

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """What is read and written is theirs until the block ends."""
        databases.leave()
        with databases.in_force(self.database):
            yield
            databases.leave()

    def feed(self) -> None:
        """Read the chain up to its head, as an engine does that has just begun."""
        with self.in_force():
            leadership = lead()
            dead_letters.decode_again(leadership=leadership, now=clock.now())
            catch_up(self.chain.node, leadership)

    def rows(self, *, canonical: bool = False) -> Rows:
        """Their rows of what the chain said."""
        with self.in_force():
            return rows(canonical=canonical)


@dataclass
class World:
    """A chain with a token on it, ours of its books, and the honest ones. Our engine's clock is the desk's."""

    chain: LocalChain
    desk: Desk
    honest: HonestBooks
    token: str
    talker: str  # a contract of one transaction with many transfers

    def watch(self, address: str, from_block: int) -> None:
        """Watch a contract in both books."""
        watch(address, from_block)
        with self.honest.in_force():
            watch(address, from_block)

    def feed(self) -> None:
        """Let both books look at the chain as it is now, and forget what was held against the nodes."""
        self.desk.forgive()
        self.desk.catch_up()
        self.honest.feed()

    def is_as_if_nobody_had_lied(self, *, canonical: bool = False) -> None:
        """Both books, once the nodes say the truth, are equal row for row: of the `canonical` chain, or altogether."""
        self.feed()
        canonical_chain_is_whole(self.chain)
        balances_are_folds()
        self.is_equal(canonical=canonical)

    def is_equal(self, *, canonical: bool = False) -> None:
        """Both books are equal, row for row. Raises AssertionError with some of the rows that are not."""
        found = differences(rows(canonical=canonical), self.honest.rows(canonical=canonical))
        if found:
            raise AssertionError({label: (each["missing"][:2], each["surplus"][:2]) for label, each in found.items()})

    def mints(self, token: str, amounts: Sequence[int]) -> list[str]:
        """One block with so many mints, to one holder after the other; the transactions' hashes."""
        node, chain = self.chain.node, self.chain
        node.call("evm_setAutomine", False)
        try:
            calls = [encode(["address", "uint256"], [HOLDERS[at % 4], units]) for at, units in enumerate(amounts)]
            sent = [self._send(token, "0x40c10f19" + call.hex()) for call in calls]
            chain.mine(1)
        finally:
            node.call("evm_setAutomine", True)
        return [chain.wait_for(each) for each in sent]

    def traffic(self) -> None:
        """Seven blocks, of which one has five mints, one twelve transfers in one transaction, and three nothing."""
        self.chain.mint(self.token, HOLDERS[0], 11)
        self.chain.mine(1)
        self.mints(self.token, [1, 2, 3, 4, 5])
        self.chain.mine(2)
        self.chain.send(self.talker, f"0x{12:064x}")
        self.mints(self.token, [7, 8])

    def _send(self, to: str, data: str) -> str:
        request = {"from": self.chain.minter, "to": to, "data": data, "gas": hex(200_000)}
        return str(self.chain.node.call("eth_sendTransaction", request))


@contextmanager
def world_of(template: str, *, slots: int = SLOTS) -> Iterator[World]:
    """A world in the database in force, both of its books at the head of their chain."""
    with private_node(slots_in_an_epoch=slots) as url:
        chain = LocalChain(url)
        token, talker = chain.deploy_token(), chain.deploy_code(chatterbox())
        name = f"honest_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
        with databases.created(template, name), desk_of(chain, clock.now()) as desk:
            world = World(chain, desk, HonestBooks(name, chain), token, talker)
            for contract in (token, talker):
                world.watch(contract, 0)
            world.traffic()
            world.feed()
            yield world
        chain.close()
