"""Contracts watched late: their past is fetched before they count as covered."""

from collections.abc import Iterator

import pytest

from apps.chain.errors import NotCovered, WatchConflict
from apps.chain.limits import WIDEST_RANGE, Cap
from apps.chain.models import Block, Reorganisation, StreamCursor, WatchedContract
from apps.chain.selectors import blocks, holdings, logs
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.stage import (
    ALICE,
    BOB,
    canonical_chain_is_whole,
    catch_up,
    head_fold,
    lead,
    node_logs,
    step,
    stored_logs,
    watch,
)
from apps.chain.types import ContractKind, Finality
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node

Stage = tuple[LocalChain, str, Leadership]


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[Stage]:
    """A token with a past of 700 blocks, and a stream that began above it."""
    with private_node() as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        for number in range(1, 11):
            chain.mint(token, ALICE, number)
            chain.mine(59)
        chain.mine(100)
        leadership = lead()
        catch_up(chain.node, leadership)
        yield chain, token, leadership
        chain.close()


class TestLateContracts:
    def test_begin_above_their_past(self, stage: Stage) -> None:
        chain, token, _ = stage
        assert StreamCursor.objects.get(name=STREAM).first_number == chain.head() - 64
        assert stored_logs(token) == []
        with pytest.raises(NotCovered):
            holdings.fold(token, blocks.final_head().number)

    def test_hold_back_final_blocks_of_their_own_until_their_past_is_stored(self, stage: Stage) -> None:
        chain, token, leadership = stage
        final = blocks.final_head().number
        assert [block.number for block, _ in logs.final_blocks_after(final - 1, 5)] == [final]
        watch(token, 1)
        assert logs.final_blocks_after(-1, 5) == []
        another = "0x" + "0a" * 20
        seen = []
        while step(chain.node, leadership):
            seen.append(logs.final_blocks_after(final - 1, 5, [token]))
            assert logs.final_blocks_after(final - 1, 5) == []
            assert [block.number for block, _ in logs.final_blocks_after(final - 1, 5, [another])] == [final]
            assert not logs.is_covered(token)
            with pytest.raises(NotCovered):
                holdings.fold(token, blocks.final_head().number)
        assert seen == [[]] * 7  # three steps of older headers, and four of logs
        assert logs.is_covered(token)
        assert [block.number for block, _ in logs.final_blocks_after(final - 1, 1)] == [final]

    def test_have_every_log_and_header_of_their_past_then(self, stage: Stage) -> None:
        chain, token, _ = stage
        canonical_chain_is_whole(chain)
        cursor, final = StreamCursor.objects.get(name=STREAM), blocks.final_head().number
        assert cursor.first_number == 1
        assert stored_logs(token) == node_logs(chain, token)
        assert not Block.objects.filter(number__lte=final).exclude(finality=Finality.FINAL).exists()
        fold = holdings.fold(token, final)
        assert (dict(fold.by_wallet), fold.supply) == ({ALICE: 55}, 55)
        assert dict(holdings.fold(token, 2 + 60).by_wallet) == {ALICE: 3}

    def test_watched_together_are_covered_together(self, stage: Stage) -> None:
        chain, _, leadership = stage
        others = [chain.deploy_token() for _ in range(3)]
        for other in others:
            chain.mint(other, BOB, 4)
        catch_up(chain.node, leadership)
        for at, other in enumerate(others):
            watch(other, 1 + at * 50)
        catch_up(chain.node, leadership)
        for other in others:
            assert logs.is_covered(other)
            assert stored_logs(other) == node_logs(chain, other)

    def test_are_followed_from_a_block_still_to_come(self, stage: Stage) -> None:
        chain, _, leadership = stage
        late = chain.deploy_token()
        catch_up(chain.node, leadership)
        watch(late, chain.head() + 3)
        catch_up(chain.node, leadership)
        chain.mine(5)
        chain.mint(late, ALICE, 2)
        catch_up(chain.node, leadership)
        assert head_fold(late) == {ALICE: 2}

    def test_are_covered_again_where_a_reorg_cuts_their_past(self, stage: Stage) -> None:
        chain, _, leadership = stage
        token = chain.deploy_token()
        chain.mine(60)
        sent = chain.mint(token, ALICE, 1)
        signed = chain.raw(sent)
        catch_up(chain.node, leadership)
        watch(token, 1)
        head = chain.head()
        chain.node.limits.ranges = Cap(30)
        while (covered_to := WatchedContract.objects.get(address=token).covered_to) < head - 30:
            assert step(chain.node, leadership)
        chain.node.limits.ranges = Cap(WIDEST_RANGE)
        assert covered_to < head
        chain.reorg(50, [(signed, 3)])
        assert step(chain.node, leadership)
        # Of the empty blocks those came out the same that were mined within the second.
        ancestor = Reorganisation.objects.latest("pk").ancestor_number
        assert WatchedContract.objects.get(address=token).covered_to == ancestor
        assert head - 50 <= ancestor <= head - 47
        catch_up(chain.node, leadership)
        canonical_chain_is_whole(chain)
        assert [log.block_number for log in logs.logs_of_tx(sent)] == [head - 46]
        assert stored_logs(token) == node_logs(chain, token)

    def test_keep_their_kind(self, stage: Stage) -> None:
        _, token, _ = stage
        watch(token, 1)
        with pytest.raises(WatchConflict):
            watch(token, 1, ContractKind.DVP)
        assert WatchedContract.objects.get(address=token).kind == ContractKind.CASH
