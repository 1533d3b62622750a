"""The lying node refuses in the words of others, and breaks off before or after the deed."""

import time
from collections.abc import Iterator

import httpx
import pytest

from apps.chain.errors import ChainUnavailable
from apps.chain.gateway import Node
from apps.chain.testing.lies import (
    WORDINGS,
    BatchRefused,
    HangUp,
    Lie,
    Null,
    Pruned,
    RangeLimit,
    Refused,
    Slow,
    Status,
    Without,
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
            assert chain.head() == before
            assert node.batch(large) == ["0x0"] * 3  # asked again in smaller ones
        assert (chain.head(), refusal.told) == (before + 3, 2)
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
        each = Slow(0.1, each=True, where=asking("eth_gasPrice"))
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
