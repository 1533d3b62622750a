"""The lying node tells its lies, only those, well-formed, and else the truth of a real node."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from apps.chain import errors
from apps.chain.bloom import may_contain
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.testing.forks import forking, second_branch
from apps.chain.testing.lies import (
    WORDINGS,
    BatchRefused,
    Duplicated,
    Empty,
    ForgedBloom,
    ForgedFinal,
    HangUp,
    Lie,
    Null,
    OldHead,
    Pruned,
    RangeLimit,
    Refused,
    Reordered,
    Short,
    Slow,
    StaleBlock,
    Status,
    Without,
    WrongChain,
    WrongFork,
)
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.testing.lying_node import LyingNode
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

ALICE = hx(0xA11CE)
MINTS = 20


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    """Twenty mints, each in a block of its own, and one block of five."""
    with private_node(slots_in_an_epoch=1) as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="module")
def token(chain: LocalChain) -> str:
    token = chain.deploy_token()
    for number in range(1, MINTS + 1):
        chain.mint(token, ALICE, number)
    chain.mine(2)
    return token


@pytest.fixture
def liar(chain: LocalChain) -> Iterator[LyingNode]:
    with LyingNode(chain.url) as found:
        yield found


@pytest.fixture
def node(liar: LyingNode) -> Iterator[Node]:
    with Node(liar.url, chain_id=CHAIN_ID) as found:
        yield found


def logs_of(node: Node, token: str, first: int = 0, last: int | str = "latest") -> list[dict[str, Any]]:
    upto = hex(last) if isinstance(last, int) else last
    found: list[dict[str, Any]] = node.call("eth_getLogs", {"fromBlock": hex(first), "toBlock": upto, "address": token})
    return found


def heights(logs: list[dict[str, Any]]) -> list[int]:
    return [int(log["blockNumber"], 16) for log in logs]


def refused(node: Node, *call: Any) -> tuple[int, str]:
    with pytest.raises(RpcError) as error:
        node.call(*call)
    return error.value.code, error.value.message


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

    def test_holds_back_one_request_and_no_other(self, liar: LyingNode, token: str) -> None:
        slow, took = Slow(0.6, where=lambda question: question.method == "eth_getLogs"), []

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


class TestRefusals:
    @pytest.mark.parametrize("words", [name for name, wording in WORDINGS.items() if wording.blocks])
    def test_too_many_blocks_in_each_ones_words(self, words: str, liar: LyingNode, node: Node, token: str) -> None:
        limit = RangeLimit(blocks=4, words=words)
        with liar.lying(limit):
            code, message = refused(node, "eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x9", "address": token})
            assert len(logs_of(node, token, 2, 5)) == 4
        assert (code, limit.told) == (WORDINGS[words].blocks.code, 1)
        if "alchemy" in words:
            assert "[0x2, 0x5]" in message
        elif words != "besu":
            assert "4" in message

    @pytest.mark.parametrize("words", [name for name, wording in WORDINGS.items() if wording.logs])
    def test_too_many_logs_in_each_ones_words(self, words: str, liar: LyingNode, node: Node, token: str) -> None:
        with liar.lying(RangeLimit(logs=6, words=words)):
            _, message = refused(node, "eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x14", "address": token})
            assert len(logs_of(node, token, 2, 7)) == 6
        hint = {"reth": "2-7"}.get(words, "[0x2, 0x7]" if words in {"infura", "alchemy", "alchemy-timeout"} else "6")
        assert hint in message or words == "alchemy-timeout"

    def test_a_hint_may_lead_nowhere(self, liar: LyingNode, node: Node, token: str) -> None:
        question = {"fromBlock": "0x2", "toBlock": "0x14", "address": token}
        with liar.lying(RangeLimit(logs=6, words="reth", stuck=True)):
            assert "2-20" in refused(node, "eth_getLogs", question)[1]

    def test_one_block_may_be_too_much_alone(self, liar: LyingNode, node: Node, chain: LocalChain, token: str) -> None:
        number = heights(logs_of(node, token))[-1]
        with liar.lying(RangeLimit(logs=0, words="infura")):
            _, message = refused(node, "eth_getLogs", {"blockHash": chain.hash_at(number)})
            assert f"[{hex(number)}, {hex(number)}]" in message
            assert node.call("eth_getBlockReceipts", hex(number))

    def test_nobody_says_what_he_never_says(self) -> None:
        with pytest.raises(ValueError, match="besu"):
            RangeLimit(logs=5, words="besu")

    def test_pruned_history_is_refused_or_silently_empty(
        self, liar: LyingNode, node: Node, chain: LocalChain, token: str
    ) -> None:
        old = chain.hash_at(4)
        with liar.lying(Pruned(below=5)):
            assert refused(node, "eth_getLogs", {"fromBlock": "0x4"}) == (4444, "pruned history unavailable")
            assert refused(node, "eth_getLogs", {"blockHash": old})[0] == 4444
            assert refused(node, "eth_getBlockReceipts", old)[0] == 4444
            assert node.call("eth_getBlockByHash", old, False) == chain.header(4)
            assert len(logs_of(node, token, 5)) == MINTS + 2 - 5
        with liar.lying(Pruned(below=5, silent=True)):
            assert logs_of(node, token) == []
            assert node.call("eth_getBlockReceipts", "0x4") is None

    def test_null_is_asked_and_without_is_not(self, liar: LyingNode, node: Node, chain: LocalChain) -> None:
        send = {"from": chain.minter, "to": ALICE, "value": "0x1"}
        before = chain.head()
        with liar.lying(Without("eth_sendTransaction")):
            assert refused(node, "eth_sendTransaction", send)[0] == -32601
        with liar.lying(Refused("eth_sendTransaction", -32000, "txpool is full")):
            assert refused(node, "eth_sendTransaction", send) == (-32000, "txpool is full")
        assert chain.head() == before
        with liar.lying(Null("eth_sendTransaction")):
            assert node.call("eth_sendTransaction", send) is None
        assert chain.head() == before + 1

    @pytest.mark.parametrize("words", ["geth", "erigon", "besu"])
    def test_a_batch_is_refused_with_one_error_and_nothing_done(
        self, words: str, liar: LyingNode, node: Node, chain: LocalChain
    ) -> None:
        node.call("eth_blockNumber")
        before, large = chain.head(), [("evm_mine", ())] * 3
        refusal = BatchRefused(limit=2, words=words)
        body = [{"jsonrpc": "2.0", "id": id_, "method": "evm_mine", "params": []} for id_ in range(3)]
        with liar.lying(refusal):
            document = httpx.post(liar.url, json=body, trust_env=False).json()
            assert len(node.batch([("eth_blockNumber", ())] * 2)) == 2
            with pytest.raises(ChainUnavailable):  # until the gateway can read it
                node.batch(large)
        assert (chain.head(), refusal.told) == (before, 2)
        error = document[0]["error"] if words == "geth" else document["error"]
        assert (isinstance(document, list), "batch" in error["message"]) == (words == "geth", True)


class TestTransport:
    @pytest.mark.parametrize(
        ("lie", "mined", "cause"),
        [
            (HangUp("BEFORE"), 0, "RemoteProtocolError"),
            (HangUp("AFTER"), 1, "RemoteProtocolError"),
            (HangUp("MIDWAY"), 1, "RemoteProtocolError"),
            (Status(429, retry_after=3), 0, "HTTPStatusError"),
            (Status(502), 0, "HTTPStatusError"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Lie) else str(value),
    )
    def test_breaks_off_before_or_after_the_deed(
        self, lie: Lie, mined: int, cause: str, liar: LyingNode, node: Node, chain: LocalChain
    ) -> None:
        before = int(node.call("eth_blockNumber"), 16)
        with liar.lying(lie), pytest.raises(ChainUnavailable) as error:
            node.call("evm_mine")
        # The gateway asks for the chain's id again after a failure, so the deed was its first question.
        assert (error.value.context["cause"], chain.head() - before, lie.told) == (cause, mined, 1)

    def test_is_slow_once_or_for_every_call_of_a_batch(self, liar: LyingNode, node: Node) -> None:
        calls = [("eth_blockNumber", ())] * 5 + [("eth_gasPrice", ())] * 5
        node.call("eth_chainId")
        once = Slow(0.2)
        each = Slow(0.1, each=True, where=lambda question: question.method == "eth_gasPrice")
        took = []
        for slow in (once, each):
            began = time.monotonic()
            with liar.lying(slow):
                node.batch(calls)
            took.append(time.monotonic() - began)
            assert slow.told == 1
        assert 0.2 <= took[0] < 10 * 0.2
        assert took[1] >= 5 * 0.1

    def test_says_when_to_come_again(self, liar: LyingNode) -> None:
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        with liar.lying(Status(429, retry_after=3)):
            answer = httpx.post(liar.url, json=question, trust_env=False)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")

    def test_knows_three_moments_to_hang_up(self) -> None:
        with pytest.raises(ValueError, match="SOMETIMES"):
            HangUp("SOMETIMES")

    def test_a_dead_upstream_is_a_bad_gateway(self) -> None:
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        with LyingNode("http://127.0.0.1:1") as liar:
            assert httpx.post(liar.url, json=question, trust_env=False).status_code == 502
