"""The gateway against a real node, and against addresses where none is."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from apps.chain.errors import ChainUnavailable, RpcError, WrongChain
from apps.chain.gateway import Node
from apps.chain.services.nodes import default_node
from apps.core.db import run_sql
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID
from apps.core.devstack.ports import free_port


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_node() as found:
        yield found


@pytest.fixture
def node(url: str) -> Iterator[Node]:
    with Node(url, chain_id=CHAIN_ID) as found:
        yield found


class TestNode:
    def test_answers_a_call(self, node: Node) -> None:
        assert node.call("eth_chainId") == hex(CHAIN_ID)

    def test_keeps_the_order_of_a_batch_and_the_errors_within(self, node: Node) -> None:
        first, second, third = node.batch(
            [("eth_chainId", ()), ("eth_nonsense", ()), ("eth_getBlockByNumber", ("0x0", False))]
        )
        assert first == hex(CHAIN_ID)
        assert isinstance(second, RpcError)
        assert third["number"] == "0x0"

    def test_splits_more_calls_than_one_batch_holds(self, node: Node) -> None:
        answers = node.batch([("eth_getBalance", (f"0x{n:040x}", "latest")) for n in range(1, 451)])
        assert len(answers) == 450
        assert set(answers) == {"0x0"}

    def test_raises_the_error_of_a_single_call(self, node: Node) -> None:
        with pytest.raises(RpcError):
            node.call("eth_nonsense")

    def test_refuses_another_chain(self, url: str) -> None:
        with Node(url, chain_id=1) as node, pytest.raises(WrongChain) as refused:
            node.call("eth_blockNumber")
        assert refused.value.context == {"expected": 1, "found": CHAIN_ID}

    def test_checks_the_chain_again_after_a_failure(self, url: str) -> None:
        with Node(url, chain_id=CHAIN_ID) as node:
            node.call("eth_blockNumber")
            node.chain_id = 1  # as if another node had taken the address
            node.call("eth_blockNumber")
            node._url = f"http://127.0.0.1:{free_port()}"
            with pytest.raises(ChainUnavailable):
                node.call("eth_blockNumber")
            node._url = url
            with pytest.raises(WrongChain):
                node.call("eth_blockNumber")

    def test_says_unavailable_without_the_address(self) -> None:
        port = free_port()
        node = Node(f"http://127.0.0.1:{port}/secret-key", chain_id=CHAIN_ID)
        with node, pytest.raises(ChainUnavailable) as refused:
            node.call("eth_blockNumber")
        assert "secret-key" not in f"{refused.value!r} {refused.value.context} {refused.value.__cause__}"


@pytest.mark.usefixtures("books")
class TestDefaultNode:
    def test_is_left_alone_while_it_does_not_answer_and_found_again(self, url: str) -> None:
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}/secret-key"):
            causes = [refusal_of_default_node() for _ in range(6)]
        assert [refusal.context["cause"] for refusal in causes] == ["ConnectError"] * 5 + ["CircuitOpen"]
        assert causes[5].retry_after in {1, 2}
        with override_settings(CHAIN_RPC_URL=url), default_node() as node:
            with pytest.raises(ChainUnavailable):
                node.call("eth_chainId")
            run_sql("UPDATE core_providercircuit SET open_until = now()")
            assert node.call("eth_chainId") == hex(CHAIN_ID)

    def test_is_not_left_alone_for_what_it_refuses(self, url: str) -> None:
        with override_settings(CHAIN_RPC_URL=url), default_node() as node:
            for _ in range(6):
                with pytest.raises(RpcError):
                    node.call("eth_nonsense")
            assert node.call("eth_chainId") == hex(CHAIN_ID)


def refusal_of_default_node() -> ChainUnavailable:
    with default_node() as node, pytest.raises(ChainUnavailable) as refused:
        node.call("eth_chainId")
    assert "secret-key" not in f"{refused.value} {refused.value.context}"
    return refused.value
