"""Two living nodes of one past that went apart: which of the two chains is followed."""

from collections.abc import Iterator

import pytest

from apps.chain.models import Block, StreamCursor
from apps.chain.selectors import blocks
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, desk_of, state
from apps.chain.tests.stage import canonical_chain_is_whole, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node


@pytest.fixture(scope="class")
def twins(books: str) -> Iterator[tuple[LocalChain, LocalChain, Desk]]:
    with private_node() as one, private_node() as two:
        first, second = LocalChain(one), LocalChain(two)
        token = first.deploy_token()
        first.mine(100)
        second.node.call("anvil_loadState", first.node.call("anvil_dumpState"))
        watch(token, 1)
        with desk_of(first, clock.now(), other=second) as desk:
            desk.catch_up()
            yield first, second, desk
        first.close()
        second.close()


class TestForks:
    """Two living nodes of one past: B keeps our branch, A has another."""

    def test_of_one_height_are_not_flapped_between(self, twins: tuple[LocalChain, LocalChain, Desk]) -> None:
        ours, theirs, desk = twins
        assert (desk.followed, ours.hash_at(ours.head())) == (A, theirs.hash_at(theirs.head()))
        for chain, seconds in ((ours, 7), (theirs, 9)):
            chain.node.call("evm_increaseTime", seconds)
            chain.mine(2)
        desk.catch_up()
        before = StreamCursor.objects.get(name=blocks.STREAM).hash
        assert before == ours.hash_at(ours.head())
        desk.engine._pool.followed = B
        desk.step(3)
        assert (desk.followed, StreamCursor.objects.get(name=blocks.STREAM).hash) == (A, before)
        assert not Block.objects.filter(canonical=False).exists()

    def test_end_in_the_higher_one(self, twins: tuple[LocalChain, LocalChain, Desk]) -> None:
        _, theirs, desk = twins
        theirs.mine(5)
        desk.catch_up()
        assert desk.followed == B
        canonical_chain_is_whole(theirs)
        assert Block.objects.filter(canonical=False).count() == 2
        assert state(A) == ("HEALTHY", "")
