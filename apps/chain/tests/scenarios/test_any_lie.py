"""Scenarios 6 to 10 as one rule: whatever nodes tell, and whenever, what is stored is what an honest run stores."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from apps.chain.errors import NoEndpoint
from apps.chain.testing.forks import forking
from apps.chain.testing.lies import (
    BatchRefused,
    Duplicated,
    Empty,
    ForgedBloom,
    ForgedFinal,
    HangUp,
    Lie,
    Null,
    OldHead,
    Pruned,
    RangeLimit,
    Reordered,
    Short,
    Status,
    Without,
    WrongChain,
)
from apps.chain.tests.following import answers_held
from apps.chain.tests.scenarios.world import FINALITY, HOLDERS, World, world_of
from apps.core.models import ProviderCircuit


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


# By name, a lie told by a number: some are told in many ways.
LIES: dict[str, Callable[[int], list[Lie]]] = {
    "no logs": lambda _: [Empty()],
    "everything twice": lambda _: [Duplicated()],
    "another order": lambda n: [Reordered(seed=n, batches=True)],
    "an old head": lambda n: [OldHead(behind=1 + n % 7)],
    "no bloom": lambda _: [ForgedBloom()],
    "another bloom": lambda n: [ForgedBloom("0x" + f"{n:02x}" * 256)],
    "the head is final": lambda _: [ForgedFinal()],
    "another chain": lambda n: [WrongChain(n)],
    "history is gone": lambda n: [Pruned(words=("geth", "plain", "nethermind")[n % 3])],
    "history is gone, silently": lambda _: [Pruned(silent=True)],
    "narrow ranges": lambda n: [RangeLimit(blocks=1 + n % 5, words=("quicknode", "geth", "reth")[n % 3])],
    "a hint that leads nowhere": lambda _: [RangeLimit(logs=3, words="reth", stuck=True)],
    "no receipts": lambda _: [Null("eth_getBlockReceipts")],
    "no such method": lambda n: [Without(("eth_getBlockReceipts", "eth_getLogs")[n % 2])],
    "no headers": lambda n: [Null(("eth_getBlockByNumber", "eth_getBlockByHash")[n % 2])],
    "small batches": lambda n: [BatchRefused(limit=1 + n % 5, words=("erigon", "besu", "geth")[n % 3])],
    "broken answers": lambda n: [HangUp(("BEFORE", "AFTER", "MIDWAY")[n % 3], times=1 + n % 4)],
    "a gateway's errors": lambda n: [Status((429, 500, 503)[n % 3], times=1 + n % 4)],
}
# What lacks some of a contract's logs in a block, and not others: only the receipts' root tells.
SHORT: dict[str, Callable[[int], list[Lie]]] = {
    "some logs missing": lambda n: [Short(drop=0.2 + n % 6 / 10, seed=n)],
    "some logs missing, numbered anew": lambda n: [Short(drop=0.5, seed=n, renumber=True)],
    "some receipts missing": lambda n: [Short(drop=0.5, seed=n, whole_receipts=True)],
    "lagging, and short": lambda n: [OldHead(behind=1 + n % 4), Short(drop=0.3, seed=n)],
    "narrow ranges, and short": lambda n: [RangeLimit(blocks=3, words="alchemy"), Short(drop=0.4, seed=n)],
}


def at_the_head(world: World) -> None:
    """A few blocks more."""
    world.traffic()


def catching_up(world: World) -> None:
    """Blocks some of which are final when we look."""
    world.traffic()
    world.chain.mine(FINALITY)
    world.mints(world.token, [3, 4])


def registered_late(world: World) -> None:
    """A token with a past that nobody watched."""
    late = world.chain.deploy_token()
    world.mints(late, [1, 20, 30])
    world.chain.mine(FINALITY)
    world.mints(late, [5])
    world.feed()
    world.watch(late, 1)


def through_a_reorganisation(world: World) -> None:
    """The branch that both books have is replaced by another, in which formerly empty blocks have logs."""
    with forking(world.chain) as fork:
        world.chain.mine(2)
        world.mints(world.token, [1, 2])
        world.feed()
        fork.switch()
        world.mints(world.token, [9, 9, 9])
        world.chain.mint(world.token, HOLDERS[2], 99)
        world.chain.mine(2)


MOMENTS = (at_the_head, catching_up, registered_late, through_a_reorganisation)
BY_ROOT, BY_RANGES, BY_BLOOM = {}, {"logs": "RANGES"}, {"receipts": "BLOOM"}


def befalls(world: World, a: list[Lie], b: list[Lie]) -> None:
    """One node tells these lies, the other those, for a while; then they are forgiven."""
    with ExitStack() as lies:
        lies.enter_context(world.desk.a.lying(*a))
        lies.enter_context(world.desk.b.lying(*b))
        for _ in range(4):
            try:
                world.desk.step(3)
            except NoEndpoint:
                break
    ProviderCircuit.objects.all().delete()


class TestAnyLie:
    """Each is told by one node beside a sound one, or beside one that tells another."""

    @pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
    @pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
    def test_leaves_no_trace(self, world: World, moment: Callable[[World], None], seed: int) -> None:
        rng = random.Random(f"{moment.__name__} {seed}")
        names = rng.sample(sorted(LIES), 6) + rng.sample(sorted(SHORT), 2)
        for first, second in zip(names[::2], names[1::2], strict=True):
            proved = first in SHORT
            policy = BY_ROOT if proved else rng.choice([BY_ROOT, BY_RANGES, BY_BLOOM])
            a, b = ((LIES | SHORT)[name](rng.randrange(256)) for name in (first, second))
            with answers_held(**policy):
                world.desk.restart()
                moment(world)
                befalls(world, a, b if rng.random() < 0.6 else [])
                world.is_as_if_nobody_had_lied()
