"""Scenarios 6 to 10: a node lags, hides logs, threw them away, or takes only so much in one question."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from apps.chain.errors import ChainUnavailable
from apps.chain.gateway import Node
from apps.chain.limits import WIDEST_RANGE
from apps.chain.models import Block, StreamCursor, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.testing.lies import (
    WORDINGS,
    Empty,
    Lie,
    Null,
    OldHead,
    Pruned,
    RangeLimit,
    Refused,
    Short,
    Slow,
    asking,
)
from apps.chain.tests.following import A, B, alerts, answers_held, row, state
from apps.chain.tests.scenarios.world import FINALITY, HOLDERS, World, world_of
from apps.chain.tests.stage import canonical_chain_is_whole, node_logs, step, stored_logs
from apps.core.devstack.layout import CHAIN_ID

ALICE = HOLDERS[0]


@pytest.fixture(scope="class")
def the_world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


@pytest.fixture
def world(the_world: World) -> World:
    the_world.feed()
    return the_world


@pytest.fixture
def by_ranges(world: World) -> Iterator[None]:
    """Logs of final blocks are asked for by ranges."""
    with answers_held(logs="RANGES"):
        world.desk.restart()
        yield


def heads_asked(world: World) -> int:
    """How often A was asked for a block, or how many there are."""
    return world.desk.a.count("eth_blockNumber") + world.desk.a.count("eth_getBlockByNumber")


class TestNodes:
    def test_06_that_lag_are_quarantined_and_nothing_is_rewound(self, world: World) -> None:
        desk, chain = world.desk, world.chain
        cursor = StreamCursor.objects.get(name=blocks.STREAM)
        with desk.a.lying(OldHead(at=chain.head() - 5)):
            desk.step()
            assert state(A) == ("QUARANTINED", "BEHIND")
            assert (row(A).until - desk.now, row(A).failures) == (timedelta(seconds=30), 1)
            assert desk.followed == B
            assert StreamCursor.objects.get(name=blocks.STREAM).number == cursor.number
            assert not Block.objects.filter(canonical=False).exists()
            chain.mine(1)
            desk.catch_up(0)
            canonical_chain_is_whole(chain)
            asked = heads_asked(world)
            desk.step(29)
            assert heads_asked(world) == asked
            desk.step(2)  # looked at again, and still behind: twice as long
            assert (row(A).until - desk.now, row(A).failures) == (timedelta(seconds=60), 2)
            assert alerts() == {}
            desk.step(301)
            assert alerts() == {A: "WARNING"}
        desk.step(601)
        assert state(A) == ("HEALTHY", "")
        assert alerts() == {}
        assert desk.followed == B  # no switch without need
        world.is_as_if_nobody_had_lied()

    def test_07_that_hide_logs_are_left_for_others_in_the_same_step(self, world: World) -> None:
        desk, chain = world.desk, world.chain
        chain.mint(world.token, ALICE, 7)
        chain.mine(4)
        with desk.a.lying(Empty()):
            assert not desk.step()
        assert desk.followed == B
        assert state(A) == ("QUARANTINED", "LIED")
        assert (row(A).lies, row(A).until - desk.now) == (1, timedelta(minutes=10))
        assert alerts() == {A: "ERROR"}
        assert stored_logs(world.token) == node_logs(chain, world.token)
        canonical_chain_is_whole(chain)
        desk.step(601)
        assert (state(A), alerts()) == (("HEALTHY", ""), {})
        world.is_as_if_nobody_had_lied()

    def test_07_that_hide_logs_near_the_head_only_lag(self, world: World) -> None:
        world.chain.mint(world.token, ALICE, 7)
        with world.desk.a.lying(Null("eth_getBlockReceipts")):  # a balancer whose next node is a block behind
            world.desk.step()
        assert state(A) == ("QUARANTINED", "BEHIND")
        assert row(A).lies == 0
        assert stored_logs(world.token) == node_logs(world.chain, world.token)
        world.is_as_if_nobody_had_lied()

    def test_07_that_hide_some_logs_of_a_contract_in_final_blocks_and_show_others_are_found_out(
        self, world: World
    ) -> None:
        """By the policy as it is shipped: no bloom tells, only the receipts' root does."""
        late = world.chain.deploy_token()
        for _ in range(3):
            world.mints(late, [1, 2, 3, 4])
        world.chain.mine(FINALITY)
        world.feed()
        world.watch(late, 0)
        hidden = Short(drop=0.4, seed=5)
        with world.desk.a.lying(hidden):
            world.desk.catch_up()
        assert hidden.told
        assert (world.desk.followed, state(A)) == (B, ("QUARANTINED", "LIED"))
        assert stored_logs(late) == node_logs(world.chain, late)
        world.is_as_if_nobody_had_lied()

    def test_08_that_threw_logs_away_cover_nothing_and_others_are_asked(self, world: World) -> None:
        desk, chain = world.desk, world.chain
        old = chain.deploy_token()
        chain.mint(old, ALICE, 1)
        chain.mine(FINALITY + 6)
        desk.catch_up()
        world.watch(old, 1)
        with desk.a.lying(Pruned()):
            desk.catch_up()
        assert state(A) == ("HEALTHY", "")  # it may still be asked for what it has
        assert row(A).oldest_block > 0
        assert desk.followed == B
        assert WatchedContract.objects.get(address=old).covered
        assert stored_logs(old) == node_logs(chain, old)
        assert alerts() == {}
        world.is_as_if_nobody_had_lied()

    @pytest.mark.parametrize("silent", [False, True], ids=["refused", "silently empty"])
    def test_08_that_all_threw_logs_away_cover_nothing_and_the_head_goes_on(self, world: World, silent: bool) -> None:
        desk, chain = world.desk, world.chain
        old = chain.deploy_token()
        chain.mine(FINALITY + 6)
        desk.catch_up()
        world.watch(old, 1)
        chain.mine(2)
        head = chain.head()
        with desk.a.lying(Pruned(silent=silent)), desk.b.lying(Pruned(silent=silent)):
            desk.step()
            desk.step(3)
        assert not WatchedContract.objects.get(address=old).covered
        assert stored_logs(old) == []
        assert blocks.head().number == head
        assert alerts() == ({A: "ERROR", B: "ERROR"} if silent else {A: "WARNING", B: "WARNING"})
        world.is_as_if_nobody_had_lied()
        assert stored_logs(old) == node_logs(chain, old)


def soak(lie: Lie) -> object:
    return pytest.param(lie, marks=pytest.mark.soak)


BLOCKS = [RangeLimit(blocks=7, words=words) for words, wording in sorted(WORDINGS.items()) if wording.blocks]
LOGS = [RangeLimit(logs=6, words=words) for words, wording in sorted(WORDINGS.items()) if wording.logs]
STUCK = [RangeLimit(logs=6, words="reth", stuck=True)]


def a_few(limits: list[RangeLimit], chosen: set[str]) -> list[object]:
    """All limits; those in other words than the chosen ones are for the soak."""
    return [each if each.words in chosen else soak(each) for each in limits]


def words_of(limit: RangeLimit) -> str:
    return f"{limit.words}{' stuck' * limit.stuck}"


@pytest.mark.usefixtures("by_ranges")
class TestRefusedRanges:
    """Each limit is met by the whole past of contracts that were covered: all of it is read again."""

    @pytest.fixture(autouse=True)
    def a_past(self, the_world: World) -> None:
        if the_world.chain.head() < 2 * FINALITY:
            for _ in range(8):
                the_world.mints(the_world.token, [1, 2])
                the_world.chain.mine(4)
            the_world.chain.mine(FINALITY)

    def read_again(self, world: World) -> None:
        """All the past again, by a new process."""
        world.desk.restart()
        world.desk.a.asked.clear()
        world.desk.b.asked.clear()
        WatchedContract.objects.update(covered=False, covered_to=-1)
        world.desk.catch_up()
        assert (world.desk.followed, state(A)) == (A, ("HEALTHY", ""))
        assert not world.desk.b.count("eth_getLogs")
        world.is_equal()

    @pytest.mark.parametrize("limit", a_few(BLOCKS, {"quicknode", "geth"}), ids=words_of)
    def test_09_of_blocks_are_followed_and_remembered_beyond_a_restart(self, world: World, limit: RangeLimit) -> None:
        limit.told = 0
        with world.desk.a.lying(limit):
            self.read_again(world)
            assert limit.told
            assert row(A).range_blocks <= 7
            assert row(B).range_blocks == WIDEST_RANGE
            before = limit.told
            self.read_again(world)
            assert limit.told == before
        world.is_as_if_nobody_had_lied()

    @pytest.mark.parametrize("limit", [*a_few(LOGS, {"alchemy"}), *STUCK], ids=words_of)
    def test_09_of_logs_are_made_smaller_and_nothing_is_skipped(self, world: World, limit: RangeLimit) -> None:
        limit.told = 0
        with world.desk.a.lying(limit):
            self.read_again(world)
            assert limit.told
            assert row(A).range_blocks < WIDEST_RANGE
        world.is_as_if_nobody_had_lied()

    def test_09_that_time_out_are_made_smaller(self, world: World) -> None:
        slow, outcomes = Slow(0.1, each=True, where=asking("eth_getBlockReceipts")), []
        for _ in range(3):
            world.mints(world.token, [1])
        with world.desk.a.lying(slow), Node(world.desk.a.url, chain_id=CHAIN_ID, timeout=httpx.Timeout(0.25)) as node:
            while not outcomes or outcomes[-1] is not False:
                try:
                    outcomes.append(step(node, world.desk.leadership))
                except ChainUnavailable as error:
                    outcomes.append(error.context["cause"])
                assert len(outcomes) < 20
            assert node.limits.receipts.value <= 2
        assert outcomes[0] == "ReadTimeout"
        assert True in outcomes  # no step asks for more than one answer's worth
        world.is_as_if_nobody_had_lied()

    @pytest.mark.parametrize(
        ("lies", "asked"),
        [
            ([RangeLimit(logs=2, words="infura")], "eth_getBlockReceipts"),
            (
                [RangeLimit(logs=2, words="geth"), Refused("eth_getBlockReceipts", -32005, "response too large")],
                "eth_getTransactionReceipt",
            ),
        ],
        ids=["its receipts", "its transactions"],
    )
    def test_10_of_one_block_alone_are_read_from(self, world: World, lies: list[Lie], asked: str) -> None:
        world.mints(world.token, [1, 2, 3, 4, 5])
        world.chain.mine(FINALITY)
        world.feed()
        with world.desk.a.lying(*lies):
            self.read_again(world)
            assert all(lie.told for lie in lies)
            assert world.desk.a.count(asked)
        world.is_as_if_nobody_had_lied()
