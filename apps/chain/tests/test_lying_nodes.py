"""Nodes that answer wrongly: nothing wrong is kept, and nothing is passed over."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodePruned
from apps.chain.gateway import Node
from apps.chain.limits import Mode, Policy
from apps.chain.models import Block, RawLog, StreamCursor, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.front import Answer, Front, front_of
from apps.chain.tests.stage import ALICE, BOB, catch_up, head_fold, lead, node_logs, step, stored_logs, watch
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture
def front(chain: LocalChain) -> Iterator[Front]:
    with front_of(chain.url) as found:
        yield found


@pytest.fixture
def node(front: Front) -> Iterator[Node]:
    with Node(front.url, chain_id=CHAIN_ID) as found:
        yield found


@pytest.fixture
def frugal(front: Front) -> Iterator[Node]:
    """A session in which receipts are dear: the logs of final blocks are asked for in ranges."""
    with Node(front.url, chain_id=CHAIN_ID, policy=Policy(mode=Mode.RANGES)) as found:
        yield found


Stage = tuple[LocalChain, str, Leadership]


@pytest.fixture(scope="class")
def stage(books: str, chain: LocalChain) -> Stage:
    token = chain.deploy_token()
    watch(token, 1)
    leadership = lead()
    catch_up(chain.node, leadership)
    return chain, token, leadership


def is_range(params: list[Any]) -> bool:
    return "fromBlock" in params[0]


def no_logs(method: str, params: list[Any], truth: Answer) -> Answer | None:
    """Nothing, in either way of asking."""
    return {"result": []} if method in {"eth_getLogs", "eth_getBlockReceipts"} else None


class TestFront:
    def test_refuses_what_is_no_json_rpc_batch(self, front: Front) -> None:
        for body in (b"{}", b"[]", b'[{"id": 1, "method": "eth_chainId", "params": []}]', b"nonsense"):
            with pytest.raises(ValueError, match=r"expected|JSON-RPC|Expecting"):
                front.answer(body)

    def test_forwards_the_truth_by_default(self, node: Node, chain: LocalChain) -> None:
        assert node.call("eth_blockNumber") == chain.node.call("eth_blockNumber")


class TestEmptyAnswers:
    def test_do_not_move_the_cursor_where_the_bloom_disagrees(self, stage: Stage, front: Front, node: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 100)
        before = StreamCursor.objects.get(name=STREAM).number
        front.lie = no_logs
        for _ in range(3):
            with pytest.raises(IncompleteAnswer):
                step(node, leadership)
        assert StreamCursor.objects.get(name=STREAM).number == before
        assert not Block.objects.filter(number__gt=before).exists()
        front.lie = lambda *_: None
        catch_up(node, leadership)
        assert head_fold(token) == {ALICE: 100}
        assert stored_logs(token) == node_logs(chain, token)

    def test_do_not_cover_a_contract_watched_late(self, stage: Stage, front: Front, node: Node) -> None:
        chain, _, leadership = stage
        late = chain.deploy_token()
        chain.mint(late, BOB, 3)
        catch_up(chain.node, leadership)
        watch(late, 1)
        front.lie = no_logs
        with pytest.raises(IncompleteAnswer):
            step(node, leadership)
        assert not WatchedContract.objects.get(address=late).covered
        assert stored_logs(late) == []
        front.lie = lambda *_: None
        catch_up(node, leadership)
        assert stored_logs(late) == node_logs(chain, late)
        assert WatchedContract.objects.get(address=late).covered

    def test_of_ranges_are_made_good_by_the_receipts_of_the_block(
        self, stage: Stage, front: Front, frugal: Node
    ) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(70)  # final

        def forgetful(method: str, params: list[Any], truth: Answer) -> Answer | None:
            return {"result": []} if method == "eth_getLogs" else None

        front.lie = forgetful
        catch_up(frugal, leadership)
        assert head_fold(token) == {ALICE: 101}
        assert {"eth_getLogs", "eth_getBlockReceipts"} <= {method for method, _ in front.asked}

    def test_of_headers_are_no_blocks(self, stage: Stage, front: Front, node: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(1)
        before = StreamCursor.objects.get(name=STREAM).number

        def headless(method: str, params: list[Any], truth: Answer) -> Answer | None:
            return {"result": None} if method == "eth_getBlockByNumber" and params[0] == hex(before + 1) else None

        front.lie = headless
        with pytest.raises(IncompleteAnswer):
            step(node, leadership)
        assert StreamCursor.objects.get(name=STREAM).number == before
        front.lie = lambda *_: None
        catch_up(node, leadership)
        assert head_fold(token)[ALICE] == 102

    def test_trust_no_log_the_header_rules_out(self, stage: Stage, front: Front, frugal: Node) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 1)
        chain.mine(70)
        before = RawLog.objects.count()

        def embellish(method: str, params: list[Any], truth: Answer) -> Answer | None:
            if method != "eth_getLogs":
                return None
            invented = truth["result"][0] | {"logIndex": "0x1", "topics": ["0x" + "ab" * 32]}
            return {"result": [*truth["result"], invented]}

        front.lie = embellish
        with pytest.raises(IncompleteAnswer) as refused:
            step(frugal, leadership)
        assert refused.value.context["what"] == "log against the bloom"
        assert RawLog.objects.count() == before
        front.lie = lambda *_: None
        catch_up(frugal, leadership)
        assert stored_logs(token) == node_logs(chain, token)


class TestRanges:
    """Old blocks are asked for in ranges; a node may refuse any width."""

    def test_are_halved_until_the_node_takes_them_and_nothing_is_passed_over(
        self, stage: Stage, front: Front, frugal: Node
    ) -> None:
        chain, _, leadership = stage
        busy = chain.deploy_token()
        for number in range(1, 25):
            chain.mint(busy, ALICE, number)
            if number % 6 == 0:
                chain.mine(9)
        chain.mine(70)
        catch_up(chain.node, leadership)
        watch(busy, 1)

        def narrow(method: str, params: list[Any], truth: Answer) -> Answer | None:
            if method != "eth_getLogs" or not is_range(params):
                return None
            span = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            return {"error": {"code": -32005, "message": "query returned more than 4 blocks"}} if span > 4 else None

        front.lie = narrow
        catch_up(frugal, leadership)
        assert stored_logs(busy) == node_logs(chain, busy)
        assert head_fold(busy) == {ALICE: 300}
        assert frugal.limits.ranges.value == 4  # what it said, and never more
        refused = [params for method, params in front.asked if method == "eth_getLogs" and is_range(params)]
        assert len(refused) < 60

    def test_are_smaller_after_a_timeout(self, stage: Stage, front: Front) -> None:
        chain, _, leadership = stage
        busy = chain.deploy_token()
        watch(busy, chain.head())
        catch_up(chain.node, leadership)
        for _ in range(30):
            chain.mint(busy, ALICE, 1)

        def slow(method: str, params: list[Any], truth: Answer) -> Answer | None:
            time.sleep(0.1 if method == "eth_getBlockReceipts" else 0)
            return None

        front.lie = slow
        outcomes = []
        with Node(front.url, chain_id=CHAIN_ID, timeout=httpx.Timeout(2)) as node:
            while not outcomes or outcomes[-1] is not False:
                try:
                    outcomes.append(step(node, leadership))
                except ChainUnavailable as error:
                    outcomes.append(error.context["cause"])
                assert len(outcomes) < 20
        assert outcomes[0] == "ReadTimeout"
        assert True in outcomes  # no step asks for more than one answer's worth
        assert node.limits.receipts.value <= 15
        assert stored_logs(busy) == node_logs(chain, busy)

    def test_of_one_refused_block_are_read_from_its_receipts(self, stage: Stage, front: Front, frugal: Node) -> None:
        chain, _, leadership = stage
        huge = chain.deploy_token()
        chain.mint(huge, BOB, 8)
        catch_up(chain.node, leadership)
        watch(huge, 1)

        def no_logs_at_all(method: str, params: list[Any], truth: Answer) -> Answer | None:
            refusal = {"code": -32005, "message": "query returned more than 10000 results"}
            return {"error": refusal} if method == "eth_getLogs" else None

        front.lie = no_logs_at_all
        catch_up(frugal, leadership)
        assert stored_logs(huge) == node_logs(chain, huge)
        assert any(method == "eth_getBlockReceipts" for method, _ in front.asked)

    @pytest.mark.parametrize("mode", list(Mode))
    def test_that_a_pruned_node_refuses_are_not_covered(self, stage: Stage, front: Front, mode: Mode) -> None:
        chain, _, leadership = stage
        old = chain.deploy_token()
        catch_up(chain.node, leadership)
        watch(old, 1)

        def pruned(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asks_logs = method in {"eth_getLogs", "eth_getBlockReceipts"}
            return {"error": {"code": -32000, "message": "history has been pruned"}} if asks_logs else None

        front.lie = pruned
        with Node(front.url, chain_id=CHAIN_ID, policy=Policy(mode=mode)) as node:
            with pytest.raises(NodePruned):
                catch_up(node, leadership)
            assert not WatchedContract.objects.get(address=old).covered
            front.lie = lambda *_: None
            catch_up(node, leadership)
        assert stored_logs(old) == node_logs(chain, old)


class TestLaggingFinality:
    def test_never_takes_finality_back(self, stage: Stage, front: Front, node: Node) -> None:
        chain, _, leadership = stage
        chain.mine(70)
        catch_up(chain.node, leadership)
        final = blocks.final_head()

        def earlier(method: str, params: list[Any], truth: Answer) -> Answer | None:
            if method == "eth_getBlockByNumber" and params[0] == "finalized":
                return {"result": chain.node.call("eth_getBlockByNumber", hex(final.number - 5), False)}
            return None

        front.lie = earlier
        chain.mine(1)
        catch_up(node, leadership)
        assert blocks.final_head() == final

    def test_makes_nothing_final_by_a_hash_that_is_not_ours(self, stage: Stage, front: Front, node: Node) -> None:
        chain, _, leadership = stage
        final = blocks.final_head()

        def forged(method: str, params: list[Any], truth: Answer) -> Answer | None:
            if method == "eth_getBlockByNumber" and params[0] == "finalized":
                return {"result": truth["result"] | {"hash": "0x" + "77" * 32}}
            return None

        front.lie = forged
        chain.mine(1)
        with suppress(IncompleteAnswer):
            catch_up(node, leadership)
        assert blocks.final_head() == final
        front.lie = lambda *_: None
        catch_up(node, leadership)
        assert blocks.final_head().number > final.number
