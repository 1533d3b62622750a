"""kill -9 of the ingester at named boundaries, whatever it is at: nothing is lost, and nothing is there twice."""

import random
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from django.test.utils import override_settings

from apps.chain.codec import TRANSFER
from apps.chain.engines.ingester import Ingester
from apps.chain.models import Block, DeadLetter, RawLog, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.testing.boundaries import run, sample
from apps.chain.testing.forks import reorg
from apps.chain.testing.local_chain import hx
from apps.chain.tests.scenarios.world import FINALITY, HOLDERS, World, world_of
from apps.chain.tests.stage import NOW, balances_are_folds, canonical_chain_is_whole, lead
from apps.chain.types import ContractKind
from apps.core import clock

_letters = count(1)


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


def ingest(url: str) -> None:
    """What the engine does until it has nothing to do."""
    with override_settings(CHAIN_RPC_URL=url, CHAIN_RPC_URL_2=""):
        engine, leadership = Ingester(), lead()
        engine.lead(leadership)
        while engine.step(leadership, clock.now()):
            pass


def feed(world: World) -> None:
    """Let both books read the chain as it is now."""
    ingest(world.chain.url)
    world.honest.feed()


def following(world: World) -> None:
    """New blocks at the head."""
    world.traffic()


def catching_up(world: World) -> None:
    """More blocks than one answer is asked for, most of them final: the next batch is read ahead."""
    world.traffic()
    world.chain.mine(2 * FINALITY)
    world.mints(world.token, [1, 2, 3])


def reorganised(world: World) -> None:
    """Blocks with logs are replaced by others."""
    world.mints(world.token, [5, 6])
    world.traffic()
    feed(world)
    signed = world.chain.raw(world.chain.mint(world.token, HOLDERS[1], 7))
    reorg(world.chain, 6, [(signed, 1)])
    world.mints(world.token, [8])


def registered_late(world: World) -> None:
    """A token with a past."""
    late = world.chain.deploy_token()
    world.mints(late, [1, 2, 3])
    world.chain.mine(3)
    feed(world)
    world.watch(late, 0)


def better_read(world: World) -> None:
    """A letter that today's codec reads."""
    feed(world)
    number = next(_letters)
    _leave_a_letter(number)
    with world.honest.in_force():
        _leave_a_letter(number)


def _leave_a_letter(number: int) -> None:
    """A log of the last final block as an older release left it: raw, with a letter and no effect."""
    final = blocks.final_head()
    assert final is not None
    block = Block.objects.get(hash=final.hash)
    token, place = hx(0x70CE00 + number), {"block": block, "block_number": block.number, "log_index": 900 + number}
    topics = [TRANSFER, "0x" + "00" * 32, "0x" + HOLDERS[0][2:].rjust(64, "0")]
    data = f"0x{number:064x}"
    RawLog.objects.create(**place, tx_hash="0x" + "77" * 32, tx_index=0, address=token, topics=topics, data=data)
    DeadLetter.objects.create(**place, address=token, reason="unknown", found_at=NOW)
    WatchedContract.objects.create(
        address=token, kind=ContractKind.CASH, from_block=0, covered_to=0, covered=True, created_at=NOW
    )


def all_at_once(world: World) -> None:
    """Everything that an ingester which was away may find."""
    late = world.chain.deploy_token()
    world.mints(late, [1, 2, 3])
    world.mints(world.token, [5, 6])
    world.chain.mine(2)
    better_read(world)
    signed = world.chain.raw(world.chain.mint(world.token, HOLDERS[1], 7))
    reorg(world.chain, 4, [(signed, 1)])
    world.watch(late, 0)
    world.chain.mine(FINALITY)
    world.mints(world.token, [8, 9])


def is_as_if_nobody_had_been_killed(world: World) -> None:
    """The next process does the rest, and both books are equal, row for row."""
    feed(world)
    canonical_chain_is_whole(world.chain)
    balances_are_folds()
    world.is_equal()


class TestKilledIngester:
    def test_leaves_what_an_unkilled_one_leaves(self, world: World) -> None:
        all_at_once(world)
        honest = run(ingest, url=world.chain.url)
        done = set(honest.names())
        for name in ("COPY", "INSERT chain_blockeffect", "INSERT chain_lateeffect", "INSERT chain_reorganisation"):
            assert any(each.startswith(f"db {name}") for each in done), name
        missed = []
        for at in sample(honest.passed, 10, seed=6):
            all_at_once(world)  # and the next process does what the killed one left
            if not run(ingest, url=world.chain.url, at=at).killed:
                missed.append(at)
        assert missed == []
        is_as_if_nobody_had_been_killed(world)

    @pytest.mark.soak
    @pytest.mark.parametrize(
        "prepare",
        [following, catching_up, reorganised, registered_late, better_read],
        ids=lambda prepare: prepare.__name__,
    )
    def test_leaves_it_wherever_it_is_killed_and_its_successor_too(
        self, world: World, prepare: Callable[[World], None]
    ) -> None:
        prepare(world)
        honest = run(ingest, url=world.chain.url)
        is_as_if_nobody_had_been_killed(world)
        rng, points = random.Random(7), sample(honest.passed, 20, seed=7)
        for at in points:
            prepare(world)
            if run(ingest, url=world.chain.url, at=at).killed and rng.random() < 0.3:
                run(ingest, url=world.chain.url, at=rng.choice(points))
            is_as_if_nobody_had_been_killed(world)
