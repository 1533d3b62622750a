"""The gateway against a real node, and against addresses where none is."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
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


Say = Callable[[list[dict[str, Any]]], tuple[int, Any]]


@contextmanager
def speaking(say: Say) -> Iterator[tuple[Node, list[int]]]:
    """A session with an endpoint that answers batches as it pleases, and how many calls each batch held."""
    sizes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if requests[0]["method"] == "eth_chainId":
                status, answer = 200, results(requests)
            else:
                sizes.append(len(requests))
                status, answer = say(requests)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        with Node(f"http://127.0.0.1:{server.server_address[1]}", chain_id=CHAIN_ID) as node:
            yield node, sizes
    finally:
        server.shutdown()
        server.server_close()


def results(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"jsonrpc": "2.0", "id": each["id"], "result": hex(CHAIN_ID)} for each in reversed(requests)]


def refusal(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


CALLS = [("eth_gasPrice", ())] * 20


class TestRefusedBatches:
    """Some endpoints answer a whole batch with one error, some of them under an HTTP status of their own."""

    @pytest.mark.parametrize("status", [200, 400, 413])
    def test_are_asked_again_in_smaller_ones(self, status: int) -> None:
        def at_most_six(requests: list[dict[str, Any]]) -> tuple[int, Any]:
            fits = len(requests) <= 6
            return (200, results(requests)) if fits else (status, refusal(-32005, "batch size exceeded: 6"))

        with speaking(at_most_six) as (node, sizes):
            assert node.batch(CALLS) == [hex(CHAIN_ID)] * 20
            assert sizes == [20, 10, 5, 5, 5, 5]
            assert node.limits.batch_calls == 5  # remembered
            assert len(node.ask(CALLS)) == 20
            assert sizes[6:] == [5] * 4

    def test_are_no_answers_where_even_one_call_is_refused(self) -> None:
        with speaking(lambda _: (200, refusal(-32600, "no batches here"))) as (node, sizes):
            with pytest.raises(ChainUnavailable) as refused:
                node.batch(CALLS[:4])
            assert refused.value.context == {"cause": "BatchRefused", "rpc_code": -32600}
            assert sizes == [4, 2, 1]

    def test_are_left_alone_where_too_many_were_asked(self) -> None:
        with speaking(lambda _: (200, refusal(-32005, "Too Many Requests"))) as (node, sizes):
            with pytest.raises(ChainUnavailable) as refused:
                node.batch(CALLS)
            assert refused.value.context["cause"] == "RateLimited"
            assert sizes == [20]
            assert node.limits.batch_calls == 500


class TestAnswers:
    def test_are_given_as_they_came_to_a_typed_decoder(self) -> None:
        def some(requests: list[dict[str, Any]]) -> tuple[int, Any]:
            first, second, third = (each["id"] for each in requests)
            text = (
                f'[{{"id":{third},"result":null}}, {{"id":{first},"result":{{"a" : 1}}, "error":null}},'
                f'{{"id":{second},"error":{{"code":"-5","message":"no","data":"0x08c379a0"}}}}]'
            )
            return 200, text.encode()

        with speaking(some) as (node, _):
            first, second, third = node.ask(CALLS[:3])
            assert isinstance(first, msgspec.Raw)
            assert isinstance(third, msgspec.Raw)
            assert (bytes(first), bytes(third)) == (b'{"a" : 1}', b"null")
            assert isinstance(second, RpcError)
            assert (second.code, second.message, second.data) == (-5, "no", "0x08c379a0")

    def test_may_come_without_a_list_for_a_single_call(self) -> None:
        def alone(requests: list[dict[str, Any]]) -> tuple[int, Any]:
            return 200, refusal(-32000, "no") | {"id": requests[0]["id"]}

        with speaking(alone) as (node, _), pytest.raises(RpcError, match="no"):
            node.call("eth_gasPrice")

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (200, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b"[" * 5_000), (200, b"null"),
            (200, [{"id": 99, "result": 1}]), (200, b'[{"id":2}]'), (200, [{"id": 2, "error": "no"}]),
            (200, [{"id": 2, "error": {"code": "x"}}]), (200, [{"id": [2], "result": 1}]),
            (200, b'[{"id":2,"result":"\xff"}]'), (400, b"bad request"), (413, b"too large"),
            (500, refusal(-32000, "x")), (429, refusal(-32005, "x")), (401, refusal(-32000, "x")),
        ],
    )  # fmt: skip
    def test_that_are_no_json_rpc_are_no_answers(self, status: int, answer: Any) -> None:
        with speaking(lambda _: (status, answer)) as (node, _), pytest.raises(ChainUnavailable):
            node.batch(CALLS[:2])


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
