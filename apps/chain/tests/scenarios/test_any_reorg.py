"""Scenarios 1 to 5 as one rule: whatever is replaced above the final block, the stream ends on the chain that is."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest
from django.test.utils import override_settings

from apps.chain.errors import NoEndpoint
from apps.chain.models import Block
from apps.chain.selectors import blocks
from apps.chain.testing.forks import Fork, forking, reorg, second_branch
from apps.chain.testing.lies import (
    Answers,
    Empty,
    ForgedFinal,
    Lie,
    Null,
    OldHead,
    Short,
    StaleBlock,
    WrongFork,
    asking,
)
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.recording import Recording
from apps.chain.tests.following import A, of_another_fork, state
from apps.chain.tests.scenarios.world import FINALITY, World, world_of
from apps.chain.tests.stage import everything
from apps.core.models import ProviderCircuit


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


def grow(world: World, rng: random.Random, most: int) -> None:
    """So many blocks, some of them empty, some with many logs."""
    for _ in range(most):
        if rng.random() < 0.4:
            world.chain.mine(1)
        elif rng.random() < 0.2:
            world.chain.send(world.talker, f"0x{rng.randrange(1, 9):064x}")
        else:
            world.mints(world.token, [rng.randrange(1, 99) for _ in range(rng.randrange(1, 4))])


def look(world: World, rng: random.Random, old: Recording | None = None) -> None:
    """Some steps of ours, now and then while the nodes lie."""
    lies: list[Lie] = [OldHead(behind=rng.randrange(1, 4)), Short(drop=0.5, seed=rng.randrange(99)), ForgedFinal()]
    lies += [Empty(), Null("eth_getBlockReceipts"), Null("eth_getBlockByHash")]
    lies += [StaleBlock(old)] * 3 if old else []
    with ExitStack() as told:
        for node in (world.desk.a, world.desk.b):
            if rng.random() < 0.5:
                told.enter_context(node.lying(rng.choice(lies)))
        for _ in range(rng.randrange(1, 4)):
            try:
                world.desk.step(3)
            except NoEndpoint:
                break
    ProviderCircuit.objects.all().delete()
    world.desk.forgive()


def part(world: World, rng: random.Random, fork: Fork) -> None:
    """Another branch, looked at before and after it is longer than ours."""
    old = fork.switch()
    grow(world, rng, rng.randrange(1, 6))
    look(world, rng, old)


class TestAnyReorganisation:
    @pytest.mark.parametrize("depth", [1, FINALITY - 1, FINALITY])
    def test_down_to_the_last_final_block_is_followed(self, world: World, depth: int) -> None:
        for _ in range(4):
            world.mints(world.token, [1, 2])
            world.chain.mine(FINALITY // 3)
        world.feed()
        final = blocks.final_head()
        assert final is not None
        assert final.number == world.chain.head() - FINALITY
        reorg(world.chain, depth)
        world.mints(world.token, [3])
        world.is_as_if_nobody_had_lied()

    @pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(3, 40))])
    def test_with_lies_on_the_way_ends_on_the_chain_that_is(self, world: World, seed: int) -> None:
        rng = random.Random(seed)
        world.feed()
        with forking(world.chain) as fork:
            grow(world, rng, rng.randrange(1, 6))
            look(world, rng)
            for _ in range(rng.randrange(1, 4)):
                part(world, rng, fork)
            world.chain.mine(max(1, fork.number + 8 - world.chain.head()))  # longer than any branch before
        world.is_as_if_nobody_had_lied(canonical=True)


@contextmanager
def balancer(world: World, *upstreams: str) -> Iterator[LyingNode]:
    """All nodes are behind one URL."""
    with LyingNode(*upstreams) as node, override_settings(CHAIN_RPC_URL=node.url, CHAIN_RPC_URL_2=""):
        world.desk.forgive()
        yield node


class TestTwoLivingForks:
    @pytest.mark.parametrize("every", [2, 3, pytest.param(5, marks=pytest.mark.soak)])
    def test_behind_one_url_leave_one_chain_in_the_books(self, world: World, every: int) -> None:
        world.feed()
        with second_branch(world.chain, slots_in_an_epoch=8) as other:
            other.mine(4)
            world.mints(world.token, [5, 6])
            world.chain.mine(2)
            with balancer(world, world.chain.url, other.url) as node, node.lying(WrongFork(every=every)):
                for _ in range(12):
                    world.desk.step(3)
                    assert no_block_is_without_its_parent()
        ProviderCircuit.objects.all().delete()
        world.chain.mine(4)  # higher than the other ever was
        world.is_as_if_nobody_had_lied(canonical=True)


class TestANodeThatContradictsItself:
    """Its newest block is another than ours, its block of that height is ours: a balancer between two nodes, say."""

    def test_is_doubted_and_nothing_is_rewound(self, world: World) -> None:
        world.feed()
        newest = asking("eth_getBlockByNumber", "latest")
        other = Answers(lambda _method, _params, truth: {"result": of_another_fork(truth["result"])}, where=newest)
        before = everything()
        with world.desk.a.lying(other), world.desk.b.lying(other):
            assert [world.desk.step(3) for _ in range(3)] == [False] * 3  # two such nodes: no hurry
            assert everything() == before
        with balancer(world, world.chain.url) as alone, alone.lying(other):
            assert [world.desk.step(3) for _ in range(3)] == [False] * 3
            assert state(A) == ("QUARANTINED", "BEHIND")
            assert everything() == before
        world.chain.mine(1)
        world.is_as_if_nobody_had_lied()


class TestBelowTheFinalBlock:
    def test_nothing_is_changed(self, world: World) -> None:
        world.mints(world.token, [1, 2])
        world.chain.mine(FINALITY)
        world.feed()
        before = everything()
        reorg(world.chain, FINALITY + 1)
        world.chain.mine(2)
        for _ in range(3):
            assert world.desk.step(3) is False
        assert blocks.stream().halted == "REORG_BELOW_FINAL"
        assert everything() == before


def no_block_is_without_its_parent() -> bool:
    """Whatever is canonical is one chain."""
    rows = Block.objects.filter(canonical=True).order_by("number").values_list("number", "hash", "parent_hash")
    return all(below[0] + 1 == above[0] and below[1] == above[2] for below, above in pairwise(rows))
