"""The lying node tells its lies, only those, well-formed, and else the truth of a real node."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from apps.chain import errors
from apps.chain.bloom import may_contain
from apps.chain.gateway import Node
from apps.chain.testing.forks import forking, second_branch
from apps.chain.testing.lies import (
    Altered,
    Duplicated,
    Empty,
    ForgedBloom,
    ForgedFinal,
    OldHead,
    Reordered,
    Short,
    Slow,
    StaleBlock,
    WrongChain,
    WrongFork,
    asking,
)
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.lying import ALICE, MINTS, heights, logs_of, minted, refused
from apps.core.devstack.layout import CHAIN_ID


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[LocalChain, str]]:
    with minted() as found:
        yield found


@pytest.fixture(scope="module")
def chain(stage: tuple[LocalChain, str]) -> LocalChain:
    return stage[0]


@pytest.fixture(scope="module")
def token(stage: tuple[LocalChain, str]) -> str:
    return stage[1]


@pytest.fixture
def liar(chain: LocalChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def node(liar: LyingNode) -> Iterator[Node]:
    with Node(liar.url, chain_id=CHAIN_ID) as found:
        yield found


class TestLyingNode:
    def test_refuses_what_is_no_json_rpc(self, liar: LyingNode) -> None:
        twice = b'[{"jsonrpc":"2.0","id":1,"method":"a","params":[]},{"jsonrpc":"2.0","id":1,"method":"b","params":[]}]'
        for body in (b"{}", b"[]", b'[{"id": 1, "method": "eth_chainId", "params": []}]', b"7", b"nonsense", twice):
            assert httpx.post(liar.url, content=body, trust_env=False).status_code == 400
        assert liar.asked == []

    def test_tells_the_truth_by_default_of_one_call_and_of_many(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        calls = [("eth_blockNumber", ()), ("eth_nonsense", ()), ("eth_getBlockByNumber", ("latest", False))]
        ours, theirs = node.batch(calls), chain.node.batch(calls)
        assert [str(each) for each in ours] == [str(each) for each in theirs]
        alone = {"jsonrpc": "2.0", "id": 5, "method": "eth_chainId", "params": []}
        answer = httpx.post(liar.url, json=alone, trust_env=False).json()
        assert answer == {"jsonrpc": "2.0", "id": 5, "result": hex(CHAIN_ID)}
        assert liar.count("eth_chainId") == 2  # the gateway asks first of all

    def test_tells_a_lie_while_it_is_switched_on_and_counts_it(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        empty = Empty()
        for _ in range(2):
            with liar.lying(empty):
                assert logs_of(node, token) == []
            assert len(logs_of(node, token)) == MINTS + 2
        assert empty.told == 2
        with liar.lying(empty):
            node.call("eth_blockNumber")
            assert logs_of(node, ALICE) == []  # that is the truth
        assert empty.told == 2

    def test_tells_several_at_once_each_upon_the_other(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        true, half, old = logs_of(node, token), Short(drop=0.5, seed=3), OldHead(behind=7)
        with liar.lying(half, old, Duplicated()):
            told = logs_of(node, token)
        assert told[::2] == told[1::2]
        assert 0 < len(told[::2]) < len(true)
        assert max(heights(told)) <= chain.head() - 7
        assert (half.told, old.told) == (1, 1)

    def test_lies_where_and_as_often_as_it_is_told_to(self, liar: LyingNode, node: Node, token: str) -> None:
        first = Empty(times=1, where=lambda question: "address" in question.filters())
        with liar.lying(first):
            assert node.call("eth_getLogs", {"fromBlock": "0x0"}) != []
            assert logs_of(node, token) == []
            assert logs_of(node, token) != []
        assert first.told == 1

    def test_lies_where_a_method_or_its_first_parameters_are_asked(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        asked = [("eth_getBlockByNumber", (tag, False)) for tag in ("0x2", "latest")] + [("eth_blockNumber", ())]
        true, forged = chain.node.batch(asked), {"hash": "0x" + "77" * 32}
        with liar.lying(Altered("eth_getBlockByNumber", forged, where=asking("eth_getBlockByNumber", "0x2"))):
            assert node.batch(asked) == [true[0] | forged, *true[1:]]
        with liar.lying(Altered("eth_getBlockByNumber", forged, where=asking("eth_getBlockByNumber"))):
            assert node.batch(asked) == [true[0] | forged, true[1] | forged, true[2]]

    def test_holds_back_one_request_and_no_other(self, liar: LyingNode, token: str) -> None:
        slow, took = Slow(0.6, where=asking("eth_getLogs")), []

        def ask() -> None:
            with Node(liar.url, chain_id=CHAIN_ID) as node:
                began = time.monotonic()
                logs_of(node, token)
                took.append(time.monotonic() - began)

        with liar.lying(slow), Node(liar.url, chain_id=CHAIN_ID) as quick:
            waiting = threading.Thread(target=ask)
            waiting.start()
            time.sleep(0.1)
            began = time.monotonic()
            quick.call("eth_blockNumber")
            assert time.monotonic() - began < 0.4
            waiting.join()
        assert (slow.told, took[0] >= 0.6) == (1, True)


class TestLogs:
    def test_short_drops_the_same_ones_every_time(self, liar: LyingNode, node: Node, token: str) -> None:
        true = logs_of(node, token)
        with liar.lying(Short(drop=0.4, seed=1)):
            once, again = logs_of(node, token), logs_of(node, token)
        with liar.lying(Short(drop=0.4, seed=2)):
            other = logs_of(node, token)
        assert once == again == [log for log in true if log in once]
        assert 0 < len(once) < len(true)
        assert other != once

    def test_short_drops_logs_of_receipts_or_the_receipts(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        block = hex(heights(logs_of(node, token))[-1])
        (true,) = node.call("eth_getBlockReceipts", block)
        with liar.lying(Short(drop=1)):
            assert node.call("eth_getBlockReceipts", block) == [true | {"logs": []}]
            assert node.call("eth_getTransactionReceipt", true["transactionHash"])["logs"] == []
        with liar.lying(Short(drop=1, whole_receipts=True)):
            assert node.call("eth_getBlockReceipts", block) == []

    def test_short_may_hide_the_gap_in_the_numbers(self, liar: LyingNode, node: Node, chain: LocalChain) -> None:
        many = chain.deploy_code("".join(f"60{i:02x}6000a0" for i in range(10)) + "00")
        chain.send(many, "0x")
        with liar.lying(Short(drop=0.5, seed=4, renumber=True)):
            told = logs_of(node, many)
        assert 0 < len(told) < 10
        assert [int(log["logIndex"], 16) for log in told] == list(range(len(told)))

    def test_duplicated_and_reordered(self, liar: LyingNode, node: Node, token: str) -> None:
        true = logs_of(node, token)
        with liar.lying(Duplicated()):
            assert logs_of(node, token) == [log for log in true for _ in range(2)]
        with liar.lying(Reordered(seed=1)):
            told = logs_of(node, token)
        assert told != true
        assert sorted(heights(told)) == heights(true)
        with liar.lying(Reordered(batches=True)):  # allowed: each answer has its id
            assert node.batch([("eth_blockNumber", ()), ("eth_chainId", ())])[1] == hex(CHAIN_ID)


class TestBlocks:
    def test_old_head_lags_in_all_it_says(self, liar: LyingNode, node: Node, chain: LocalChain, token: str) -> None:
        head = chain.head()
        late = chain.node.call("eth_getBlockByNumber", hex(heights(logs_of(node, token))[-1]), True)
        old = int(late["number"], 16) - 1
        lag = OldHead(at=old)
        with liar.lying(lag):
            assert int(node.call("eth_blockNumber"), 16) == old
            for tag in ("latest", "finalized", "safe", "pending"):
                assert node.call("eth_getBlockByNumber", tag, False)["number"] == hex(old)
            assert node.call("eth_getBlockByNumber", hex(head), False) is None
            assert node.call("eth_getBlockByHash", late["hash"], False) is None
            assert node.call("eth_getBlockReceipts", late["hash"]) is None
            assert node.call("eth_getTransactionReceipt", late["transactions"][0]["hash"]) is None
            assert node.call("eth_getTransactionByHash", late["transactions"][0]["hash"]) is None
            assert max(heights(logs_of(node, token))) == old
            assert refused(node, "eth_getLogs", {"blockHash": late["hash"]}) == (-32000, "unknown block")
            assert chain.balance(token, ALICE) == 210
            call = {"to": token, "data": "0x70a08231" + ALICE[2:].rjust(64, "0")}
            assert int(node.call("eth_call", call, "latest"), 16) == 190
        assert lag.told == 13
        with liar.lying(OldHead(behind=3)):
            assert int(node.call("eth_blockNumber"), 16) == head - 3

    def test_stale_block_of_a_branch_that_is_gone(self, liar: LyingNode, chain: LocalChain, token: str) -> None:
        with forking(chain) as fork, Node(liar.url, chain_id=CHAIN_ID) as node:
            chain.mint(token, ALICE, 1_000)
            chain.mine(3)
            gone = fork.switch()
            chain.mine(5)
            number, (old, *_) = fork.number + 1, gone.headers.values()
            assert chain.hash_at(number) != old["hash"]
            with liar.lying(StaleBlock(gone, heights=(number,))):
                assert node.call("eth_getBlockByNumber", hex(number), False) == old
                assert node.call("eth_getBlockByHash", old["hash"], False) == old
                (log,) = node.call("eth_getLogs", {"blockHash": old["hash"], "address": [token]})
                assert node.call("eth_getBlockReceipts", old["hash"])[0]["logs"] == [log]
                assert node.call("eth_getBlockByNumber", hex(number + 1), False) == chain.header(number + 1)

    def test_forged_bloom_keeps_the_hash(self, liar: LyingNode, node: Node, chain: LocalChain, token: str) -> None:
        number = heights(logs_of(node, token))[-1]
        true, forged = chain.header(number), ForgedBloom()
        assert may_contain(int(true["logsBloom"], 16), token)
        with liar.lying(forged):
            told = node.call("eth_getBlockByNumber", hex(number), False)
        assert (told["hash"], int(told["logsBloom"], 16), forged.told) == (true["hash"], 0, 1)

    def test_forged_final_is_the_newest_block(self, liar: LyingNode, node: Node, chain: LocalChain) -> None:
        with liar.lying(ForgedFinal()):
            for tag in ("finalized", "safe"):
                assert node.call("eth_getBlockByNumber", tag, False) == chain.header("latest") != chain.header(tag)

    def test_wrong_chain_is_refused_by_the_gateway(self, liar: LyingNode, node: Node) -> None:
        with liar.lying(WrongChain(7)), pytest.raises(errors.WrongChain):
            node.call("eth_blockNumber")

    def test_wrong_fork_answers_from_another_living_branch(self, chain: LocalChain, token: str) -> None:
        with second_branch(chain, slots_in_an_epoch=1) as other, LyingNode(chain.url, other.url) as liar:
            parted = chain.head()
            chain.mine(2)
            other.mint(token, ALICE, 1)
            other.mine(1)
            with Node(liar.url, chain_id=CHAIN_ID) as node:
                with liar.lying(WrongFork()):
                    assert node.call("eth_getBlockByNumber", hex(parted + 1), False)["hash"] == other.hash_at(
                        parted + 1
                    )
                with liar.lying(WrongFork(every=2)):
                    told = {node.call("eth_getBlockByNumber", hex(parted + 1), False)["hash"] for _ in range(2)}
                assert told == {chain.hash_at(parted + 1), other.hash_at(parted + 1)}
                assert node.call("eth_getBlockByNumber", hex(parted), False)["hash"] == other.hash_at(parted)

    def test_a_balancer_may_stand_before_a_sound_node_and_a_lagging_one(self, chain: LocalChain, token: str) -> None:
        with (
            LyingNode(chain.url) as lagging,
            lagging.lying(OldHead(behind=5)),
            LyingNode(chain.url, lagging.url) as balancer,
            balancer.lying(WrongFork(every=2)),
            Node(balancer.url, chain_id=CHAIN_ID) as node,
        ):
            heads = [int(node.call("eth_blockNumber"), 16) for _ in range(4)]
        assert sorted(set(heads)) == [chain.head() - 5, chain.head()]
