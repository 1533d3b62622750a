"""The stream against a real chain: extension, reorganisations, finality, lagging nodes, replays."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command

from apps.audit.models import AuditLog
from apps.chain.errors import NodeBehind, NotCovered
from apps.chain.models import Block, RawLog, StreamCursor
from apps.chain.selectors import blocks, holdings, logs
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.tests.stage import (
    ALICE,
    BOB,
    canonical_chain_is_whole,
    catch_up,
    everything,
    head_fold,
    lead,
    step,
    watch,
)
from apps.chain.types import Transfer
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


Stage = tuple[LocalChain, str, Leadership]


@pytest.fixture(scope="class")
def stage(books: str, chain: LocalChain) -> Stage:
    """A chain with one watched token, and the right to lead."""
    token = chain.deploy_token()
    watch(token, 1)
    return chain, token, lead()


class TestStream:
    def test_stores_each_header_and_each_log_up_to_the_head(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 100)
        chain.mine(3)
        chain.mint(token, BOB, 7)
        catch_up(chain.node, leadership)
        canonical_chain_is_whole(chain)
        assert blocks.head().number == chain.head()
        assert head_fold(token) == {ALICE: 100, BOB: 7}
        # The deployment's two RoleGranted logs are kept too, undecoded.
        assert RawLog.objects.count() == 4
        assert RawLog.objects.exclude(effect=None).count() == 2

    def test_gives_nothing_before_it_is_final(self, stage: Stage) -> None:
        chain, token, _ = stage
        assert [block.number for block, _ in logs.final_blocks_after(-1, 10)] == [0]
        with pytest.raises(NotCovered):
            holdings.fold(token, chain.head())

    def test_gives_final_blocks_in_order_with_decoded_logs(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mine(64)
        catch_up(chain.node, leadership)
        final = blocks.final_head()
        assert final.number == chain.head() - 64
        given = logs.final_blocks_after(0, 1000)
        assert [block.number for block, _ in given] == list(range(1, final.number + 1))
        events = [log.event for _, found in given for log in found if isinstance(log.event, Transfer)]
        assert events == [Transfer(hx(0), ALICE, 100), Transfer(hx(0), BOB, 7)]
        assert len(logs.final_blocks_after(0, 2)) == 2
        fold = holdings.fold(token, final.number)
        assert (dict(fold.by_wallet), fold.supply) == ({ALICE: 100, BOB: 7}, 107)
        assert dict(holdings.fold(token, 2).by_wallet) == {ALICE: 100}

    def test_does_not_rewind_for_a_node_that_is_behind(self, stage: Stage) -> None:
        chain, _, leadership = stage
        before, height = StreamCursor.objects.get(name=STREAM), Block.objects.filter(canonical=True).count()
        snapshot_head = chain.head()
        chain.node.call("anvil_rollback", 4)
        with pytest.raises(NodeBehind):
            step(chain.node, leadership)
        assert (StreamCursor.objects.get(name=STREAM).number, StreamCursor.objects.get(name=STREAM).hash) == (
            before.number,
            before.hash,
        )
        assert Block.objects.filter(canonical=True).count() == height
        chain.mine(5)
        assert chain.head() == snapshot_head + 1
        catch_up(chain.node, leadership)
        canonical_chain_is_whole(chain)

    def test_halts_on_a_node_of_another_history_and_goes_on_when_told(self, stage: Stage) -> None:
        chain, _, leadership = stage
        with private_node() as url:
            other = LocalChain(url)
            other.deploy_token()
            other.mine(chain.head() + 5)
            before = everything()
            assert not step(other.node, leadership)
            other.close()
        assert blocks.stream().halted == "REORG_BELOW_FINAL"
        chain.mine(1)
        assert not step(chain.node, leadership)
        assert everything() == before
        call_command("chain_resume", reason="the node was another's", stdout=StringIO())
        actions = AuditLog.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["chain.stream_halted", "chain.stream_resumed"]
        catch_up(chain.node, leadership)
        canonical_chain_is_whole(chain)

    def test_halts_on_a_reorg_below_a_final_block_and_changes_nothing(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mine(70)
        signed = chain.raw(chain.mint(token, BOB, 1))
        catch_up(chain.node, leadership)
        before, fold = everything(), holdings.fold(token, blocks.final_head().number)
        chain.reorg(67, [(signed, 0)])
        assert not step(chain.node, leadership)
        assert blocks.stream().halted == "REORG_BELOW_FINAL"
        assert everything() == before
        assert holdings.fold(token, blocks.final_head().number) == fold


class TestBalancesThatJustBegan:
    def test_follow_a_reorg_below_the_block_they_began_at(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 100)
        chain.mine(3)
        chain.mint(token, BOB, 7)
        catch_up(chain.node, leadership)
        chain.reorg(3)
        catch_up(chain.node, leadership)
        canonical_chain_is_whole(chain)
        assert head_fold(token) == {ALICE: 100}
