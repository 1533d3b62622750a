"""One node lies, lags or is away, the other is honest: the stream goes on in the same step, and loses nothing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.chain.selectors import blocks
from apps.chain.testing.lies import BatchRefused, Empty, Status
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, alerts, desk_of, row, state
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
