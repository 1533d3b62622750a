"""Nodes that answer wrongly: nothing wrong is kept, and nothing is passed over."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from apps.chain.errors import IncompleteAnswer
from apps.chain.gateway import Node
from apps.chain.limits import Mode, Policy
from apps.chain.models import Block, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.lies import Altered, Answer, Answers, Empty, Null, asking
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.stage import ALICE, BOB, catch_up, head_fold, lead, node_logs, step, stored_logs, watch
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

FINAL_BLOCK = asking("eth_getBlockByNumber", "finalized")


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture
def liar(chain: LocalChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def node(liar: LyingNode) -> Iterator[Node]:
    with Node(liar.url, chain_id=CHAIN_ID) as found:
        yield found


@pytest.fixture
def frugal(liar: LyingNode) -> Iterator[Node]:
    """A session in which receipts are dear: the logs of final blocks are asked for in ranges."""
    with Node(liar.url, chain_id=CHAIN_ID, policy=Policy(mode=Mode.RANGES)) as found:
        yield found


Stage = tuple[LocalChain, str, Leadership]


@pytest.fixture(scope="class")
def stage(books: str, chain: LocalChain) -> Stage:
    token = chain.deploy_token()
    watch(token, 1)
    leadership = lead()
    catch_up(chain.node, leadership)
    return chain, token, leadership


class TestEmptyAnswers:
    def test_do_not_move_the_cursor_where_the_bloom_disagrees(self, stage: Stage, liar: LyingNode, node: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 100)
        before = StreamCursor.objects.get(name=STREAM).number
        for _ in range(3):
            with liar.lying(Empty()), pytest.raises(IncompleteAnswer):
                step(node, leadership)
        assert StreamCursor.objects.get(name=STREAM).number == before
        assert not Block.objects.filter(number__gt=before).exists()
        catch_up(node, leadership)
        assert head_fold(token) == {ALICE: 100}
        assert stored_logs(token) == node_logs(chain, token)

    def test_do_not_cover_a_contract_watched_late(self, stage: Stage, liar: LyingNode, node: Node) -> None:
        chain, _, leadership = stage
        late = chain.deploy_token()
        chain.mint(late, BOB, 3)
        catch_up(chain.node, leadership)
        watch(late, 1)
        with liar.lying(Empty()), pytest.raises(IncompleteAnswer):
            step(node, leadership)
        assert not WatchedContract.objects.get(address=late).covered
        assert stored_logs(late) == []
        catch_up(node, leadership)
        assert stored_logs(late) == node_logs(chain, late)
        assert WatchedContract.objects.get(address=late).covered

    def test_of_ranges_are_made_good_by_the_receipts_of_the_block(
        self, stage: Stage, liar: LyingNode, frugal: Node
    ) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(70)  # final
        with liar.lying(Empty(methods=("eth_getLogs",))):
            catch_up(frugal, leadership)
        assert head_fold(token) == {ALICE: 101}
        assert {"eth_getLogs", "eth_getBlockReceipts"} <= {method for method, _ in liar.asked}

    def test_of_headers_are_no_blocks(self, stage: Stage, liar: LyingNode, node: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(1)
        before = StreamCursor.objects.get(name=STREAM).number
        headless = Null("eth_getBlockByNumber", where=asking("eth_getBlockByNumber", hex(before + 1)))
        with liar.lying(headless), pytest.raises(IncompleteAnswer):
            step(node, leadership)
        assert StreamCursor.objects.get(name=STREAM).number == before
        catch_up(node, leadership)
        assert head_fold(token)[ALICE] == 102

    def test_trust_no_log_the_header_rules_out(self, stage: Stage, liar: LyingNode, frugal: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(70)
        before = RawLog.objects.count()

        def embellish(_method: str, _params: list[Any], truth: Answer) -> Answer:
            invented = truth["result"][0] | {"logIndex": "0x1", "topics": ["0x" + "ab" * 32]}
            return {"result": [*truth["result"], invented]}

        lie = Answers(embellish, where=asking("eth_getLogs"))
        with liar.lying(lie), pytest.raises(IncompleteAnswer) as refused:
            step(frugal, leadership)
        assert refused.value.context["what"] == "log against the bloom"
        assert RawLog.objects.count() == before
        catch_up(frugal, leadership)
        assert stored_logs(token) == node_logs(chain, token)


class TestRanges:
    """Old blocks are asked for in ranges; a node may refuse any width."""


class TestLaggingFinality:
    def test_never_takes_finality_back(self, stage: Stage, liar: LyingNode, node: Node) -> None:
        chain, _, leadership = stage
        chain.mine(70)
        catch_up(chain.node, leadership)
        final = blocks.final_head()
        earlier = chain.header(final.number - 5)
        chain.mine(1)
        with liar.lying(Altered("eth_getBlockByNumber", earlier, where=FINAL_BLOCK)):
            catch_up(node, leadership)
        assert blocks.final_head() == final

    def test_makes_nothing_final_by_a_hash_that_is_not_ours(self, stage: Stage, liar: LyingNode, node: Node) -> None:
        chain, _, leadership = stage
        final = blocks.final_head()
        forged = Altered("eth_getBlockByNumber", {"hash": "0x" + "77" * 32}, where=FINAL_BLOCK)
        chain.mine(1)
        with liar.lying(forged), suppress(IncompleteAnswer):
            catch_up(node, leadership)
        assert blocks.final_head() == final
        catch_up(node, leadership)
        assert blocks.final_head().number > final.number
