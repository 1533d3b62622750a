"""One node lies, lags or is away, the other is honest: the stream goes on in the same step, and loses nothing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.chain.limits import WIDEST_RANGE
from apps.chain.models import Block, StreamCursor, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.testing.lies import BatchRefused, Empty, Null, OldHead, Pruned, RangeLimit, Status
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, alerts, answers_held, desk_of, row, state
from apps.chain.tests.stage import ALICE, canonical_chain_is_whole, node_logs, stored_logs, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def token(books: str, chain: LocalChain) -> str:
    found = chain.deploy_token()
    chain.mine(10)
    watch(found, 1)
    return found


@pytest.fixture(scope="class")
def the_desk(token: str, chain: LocalChain) -> Iterator[Desk]:
    with desk_of(chain, clock.now()) as found:
        found.catch_up()
        yield found


@pytest.fixture
def desk(the_desk: Desk) -> Desk:
    the_desk.forgive()
    the_desk.catch_up()
    return the_desk


@pytest.fixture
def by_ranges() -> Iterator[None]:
    """Logs of final blocks are asked for by ranges."""
    with answers_held(logs="RANGES"):
        yield


def heads_asked(desk: Desk) -> int:
    """How often A was asked for a block, or how many there are."""
    return desk.a.count("eth_blockNumber") + desk.a.count("eth_getBlockByNumber")


class TestScenarios:
    def test_06_a_syncing_node_is_quarantined_and_nothing_is_rewound(self, desk: Desk, chain: LocalChain) -> None:
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
            asked = heads_asked(desk)
            desk.step(29)
            assert heads_asked(desk) == asked
            desk.step(2)  # looked at again, and still behind: twice as long
            assert (row(A).until - desk.now, row(A).failures) == (timedelta(seconds=60), 2)
            assert alerts() == {}
            desk.step(301)
            assert alerts() == {A: "WARNING"}
        desk.step(601)
        assert state(A) == ("HEALTHY", "")
        assert alerts() == {}
        assert desk.followed == B  # no switch without need

    def test_07_a_node_that_hides_logs_is_left_in_the_same_step(
        self, desk: Desk, chain: LocalChain, token: str
    ) -> None:
        chain.mint(token, ALICE, 7)
        chain.mine(4)
        with desk.a.lying(Empty()):
            assert not desk.step()
        assert desk.followed == B
        assert state(A) == ("QUARANTINED", "LIED")
        assert (row(A).lies, row(A).until - desk.now) == (1, timedelta(minutes=10))
        assert alerts() == {A: "ERROR"}
        assert stored_logs(token) == node_logs(chain, token)
        canonical_chain_is_whole(chain)
        desk.step(601)
        assert (state(A), alerts()) == (("HEALTHY", ""), {})

    def test_07_near_the_head_it_only_lags(self, desk: Desk, chain: LocalChain, token: str) -> None:
        chain.mint(token, ALICE, 7)
        with desk.a.lying(Null("eth_getBlockReceipts")):  # a balancer whose next node is a block behind
            desk.step()
        assert state(A) == ("QUARANTINED", "BEHIND")
        assert row(A).lies == 0
        assert stored_logs(token) == node_logs(chain, token)

    def test_08_a_pruned_node_covers_nothing_and_another_is_asked(self, desk: Desk, chain: LocalChain) -> None:
        old = chain.deploy_token()
        chain.mint(old, ALICE, 1)
        chain.mine(70)
        desk.catch_up()
        watch(old, 1)
        with desk.a.lying(Pruned()):
            desk.catch_up()
        assert state(A) == ("HEALTHY", "")  # it may still be asked for what it has
        assert row(A).oldest_block > 0
        assert desk.followed == B
        assert WatchedContract.objects.get(address=old).covered
        assert stored_logs(old) == node_logs(chain, old)
        assert alerts() == {}

    def test_08_where_all_are_pruned_the_range_is_not_covered_and_the_head_goes_on(
        self, desk: Desk, chain: LocalChain, token: str
    ) -> None:
        old = chain.deploy_token()
        chain.mine(70)
        desk.catch_up()
        watch(old, 1)
        chain.mine(2)
        with desk.a.lying(Pruned()), desk.b.lying(Pruned()):
            desk.step()
            desk.step(3)
        assert not WatchedContract.objects.get(address=old).covered
        assert stored_logs(old) == []
        assert blocks.head().number == chain.head()
        assert alerts() == {A: "WARNING", B: "WARNING"}
        desk.forgive()
        desk.catch_up()
        assert stored_logs(old) == node_logs(chain, old)

    @pytest.mark.usefixtures("by_ranges")
    def test_09_a_refused_range_is_remembered_beyond_a_restart(self, desk: Desk, chain: LocalChain) -> None:
        busy = chain.deploy_token()
        for number in range(1, 13):
            chain.mint(busy, ALICE, number)
            chain.mine(3)
        chain.mine(70)
        desk.catch_up()
        watch(busy, 1)
        with desk.a.lying(RangeLimit(blocks=7, words="quicknode")):
            desk.restart()
            desk.catch_up()
            assert desk.followed == A
            assert stored_logs(busy) == node_logs(chain, busy)
            assert (row(A).range_blocks, row(A).range_hint) == (7, 7)
            assert row(B).range_blocks == WIDEST_RANGE
            assert state(A) == ("HEALTHY", "")
            desk.restart()
            desk.a.asked.clear()
            WatchedContract.objects.filter(address=busy).update(covered=False, covered_to=0)
            desk.catch_up()
        ranges = [params[0] for method, params in desk.a.asked if method == "eth_getLogs" and "fromBlock" in params[0]]
        assert ranges
        assert max(int(each["toBlock"], 16) - int(each["fromBlock"], 16) + 1 for each in ranges) <= 7


class TestFaults:
    def test_three_lies_in_a_day_end_in_a_person_s_hands(self, desk: Desk, chain: LocalChain, token: str) -> None:
        lengths = []
        with desk.a.lying(Empty()):
            for _ in range(3):
                desk.engine._pool.followed = A  # as if B had been worse
                chain.mint(token, ALICE, 1)
                chain.mine(4)
                desk.step()
                lengths.append(row(A).until and row(A).until - desk.now)
                desk.now += timedelta(minutes=21)
                desk.step()
        assert lengths == [timedelta(minutes=10), timedelta(minutes=20), None]
        assert state(A) == ("DISABLED", "LIED_OFTEN")
        assert alerts() == {A: "CRITICAL"}
        assert stored_logs(token) == node_logs(chain, token)
        desk.a.asked.clear()
        desk.step(7 * 86_400)
        assert desk.a.asked == []

    def test_a_restart_forgets_no_quarantine(self, desk: Desk, chain: LocalChain, token: str) -> None:
        chain.mint(token, ALICE, 1)
        chain.mine(4)
        with desk.a.lying(Empty()):
            desk.step()
        desk.a.asked.clear()
        desk.engine = type(desk.engine)()
        desk.step()
        chain.mine(1)
        desk.step(60)
        assert desk.a.asked == []
        assert blocks.head().number == chain.head()

    def test_a_node_that_is_away_is_left_and_found_again(self, desk: Desk, chain: LocalChain) -> None:
        chain.mine(1)
        with desk.a.lying(Status(503)):
            desk.step()
        assert state(A) == ("QUARANTINED", "FAILING")
        assert (desk.followed, blocks.head().number) == (B, chain.head())
        desk.step(31)
        assert state(A) == ("HEALTHY", "")

    def test_a_node_that_lets_us_in_no_more_is_for_a_person(self, desk: Desk, chain: LocalChain) -> None:
        with desk.a.lying(Status(401)):
            desk.step()
        assert state(A) == ("DISABLED", "UNAUTHORIZED")
        assert (desk.followed, alerts()) == (B, {A: "CRITICAL"})

    def test_a_batch_refused_as_a_whole_is_asked_in_smaller_ones(self, desk: Desk, chain: LocalChain) -> None:
        chain.mine(90)
        with desk.a.lying(BatchRefused(limit=10, words="besu")):
            desk.catch_up()
            assert desk.followed == A
            canonical_chain_is_whole(chain)
            assert 3 < row(A).batch_calls <= 10
            asked = row(A).batch_calls
            desk.restart()
            chain.mine(30)
            desk.catch_up()
        assert row(A).batch_calls == asked
