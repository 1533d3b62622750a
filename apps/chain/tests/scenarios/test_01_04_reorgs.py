"""Scenarios 1 to 4: blocks that were stored are replaced. What is below the last final block is scenario 5's."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from apps.chain.errors import CursorMoved
from apps.chain.gateway import Node
from apps.chain.models import Block, RawLog, Reorganisation
from apps.chain.selectors import blocks, logs
from apps.chain.testing.forks import reorg
from apps.chain.testing.lies import Answer, Answers
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.scenarios.world import FINALITY, HOLDERS, World, world_of
from apps.chain.tests.stage import everything, head_fold, step
from apps.core.devstack.layout import CHAIN_ID

ALICE, BOB = HOLDERS[:2]


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


@pytest.fixture(scope="class")
def deep_world(books: str, template: str) -> Iterator[World]:
    """Blocks are final 64 later, as on the chains of the world."""
    with world_of(template, slots=32) as found:
        found.chain.mine(70)
        found.feed()
        yield found


def at_receipts(act: Callable[[], object]) -> Answers:
    """Do something while a worker waits for its logs; the answer stays the true one."""

    def tell(method: str, params: list[Any], truth: Answer) -> Answer | None:
        if method == "eth_getBlockReceipts":
            act()
        return None

    return Answers(tell)


class TestBlocksReplaced:
    def test_01_one_whose_transaction_is_mined_in_the_next_leaves_every_balance(self, world: World) -> None:
        chain, token = world.chain, world.token
        sent = chain.mint(token, ALICE, 11)
        signed, height = chain.raw(sent), chain.head()
        world.feed()
        held, orphan = head_fold(token), chain.hash_at(height)
        reorg(chain, 1)
        chain.send_raw(signed)
        world.is_as_if_nobody_had_lied()
        assert head_fold(token) == held
        old, new = RawLog.objects.filter(tx_hash=sent).select_related("block").order_by("block_number")
        assert (old.block.hash, old.block.canonical) == (orphan, False)
        assert (new.block_number, new.block.canonical) == (height + 1, True)
        assert [log.block_number for log in logs.logs_of_tx(sent)] == [height + 1]

    def test_03_by_one_with_an_event_that_was_empty_before_have_it_found(self, world: World) -> None:
        chain, token = world.chain, world.token
        chain.mine(5)
        world.feed()
        held = head_fold(token)
        # Signed for the state of then, mined into a formerly empty block two below the head.
        sent = chain.mint(token, ALICE, 5)
        signed = chain.raw(sent)
        chain.node.call("anvil_rollback", 1)
        reorg(chain, 3, [(signed, 1)])
        expected = chain.head() - 1
        world.is_as_if_nobody_had_lied()
        assert [log.block_number for log in logs.logs_of_tx(sent)] == [expected]
        assert head_fold(token)[ALICE] == held[ALICE] + 5

    def test_03_have_it_found_also_for_a_contract_whose_past_is_being_read(self, world: World) -> None:
        chain = world.chain
        late = chain.deploy_token()
        chain.mine(FINALITY + 3)
        world.feed()
        sent = chain.mint(late, ALICE, 5)
        signed = chain.raw(sent)
        chain.node.call("anvil_rollback", 1)
        world.watch(late, 0)
        world.desk.step(3)
        reorg(chain, 3, [(signed, 0)])
        world.is_as_if_nobody_had_lied()
        assert head_fold(late) == {ALICE: 5}

    def test_04_while_a_worker_reads_them_make_it_discard_its_step(self, world: World) -> None:
        chain, token = world.chain, world.token
        chain.mint(token, BOB, 1)
        world.feed()
        leadership = world.desk.leadership
        doomed = chain.mint(token, BOB, 50)
        asked, go_on = threading.Event(), threading.Event()
        held = at_receipts(lambda: (asked.set(), go_on.wait(10)))

        def slowly(url: str) -> None:
            try:
                with Node(url, chain_id=CHAIN_ID) as node:
                    step(node, leadership)
            finally:
                connections.close_all()

        with LyingNode(chain.url) as node, node.lying(held), ThreadPoolExecutor() as pool:
            slow = pool.submit(slowly, node.url)
            assert asked.wait(10)
            # Another worker follows a reorg that takes away the block the slow one stands on.
            reorg(chain, 2)
            world.desk.catch_up()
            before = everything()
            go_on.set()
            assert isinstance(slow.exception(20), CursorMoved)
        assert everything() == before
        assert not RawLog.objects.filter(tx_hash=doomed).exists()
        world.is_as_if_nobody_had_lied()


class TestFortyBlocksReplaced:
    def test_02_whose_transaction_never_returns_are_taken_back(self, deep_world: World) -> None:
        world, chain, token = deep_world, deep_world.chain, deep_world.token
        held = head_fold(token)
        sent = chain.mint(token, BOB, 1_000)
        world.mints(token, [1, 2, 3])
        chain.mine(38)
        world.feed()
        assert head_fold(token)[BOB] == held[BOB] + 1_002
        final, stored = blocks.final_head(), Block.objects.count()
        reorg(chain, 40)
        world.is_as_if_nobody_had_lied()
        assert head_fold(token) == held
        assert logs.logs_of_tx(sent) == []
        assert blocks.final_head() == final
        assert Block.objects.count() == stored + 40  # nothing is deleted
        assert Reorganisation.objects.get().tip_number == chain.head()
