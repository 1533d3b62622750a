"""A node that swaps the names of two transactions: their receipts agree with it, their signed bytes do not."""

from typing import Any

import pytest

from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching import all_logs, fetch_blocks, fetch_headers, prove_transactions
from apps.chain.testing.lies import Answer, Answers, Lie, Refused, Without, asking
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain
from apps.chain.tests.fetching.reading import RECEIPTS, Truth, session
from apps.chain.wire import Header


def swapping(first: str, second: str) -> Lie:
    """A node that calls the one transaction by the other's name, wherever it says what happened."""
    names = {first: second, second: first}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        return [renamed(each) for each in value] if isinstance(value, list) else names.get(value, value)

    def rename(method: str, _params: list[Any], told: Answer) -> Answer | None:
        return {"result": renamed(told["result"])} if method != "eth_getRawTransactionByHash" else None

    return Answers(rename)


class TestTransactions:
    def test_of_every_block_are_proved_by_their_bytes(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar) as node:
            for header in fetch_headers(node, 0, truth.head):
                assert prove_transactions(node, header)

    def test_of_a_stored_block_are_proved_too(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar) as node:
            (known,) = fetch_headers(node, 14, 14)
            stored = Header(14, known.hash, known.parent_hash, 0, known.state_root, known.receipts_root, known.bloom)
            assert prove_transactions(node, stored)

    def test_under_each_other_s_name_are_refused(self, liar: LyingNode, chain: BusyChain, truth: Truth) -> None:
        number = truth.head - 1
        hashes = chain.node.call("eth_getBlockByNumber", hex(number), False)["transactions"]
        with session(liar, swapping(hashes[0], hashes[1]), policy=RECEIPTS) as node:
            headers = fetch_headers(node, number, number)
            logs = all_logs(fetch_blocks(node, headers, truth.addresses, final_number=number))
            assert logs[0].tx_hash == hashes[1]  # no receipt gives it away
            with pytest.raises(IncompleteAnswer) as refused:
                prove_transactions(node, headers[0])
        assert refused.value.context == {"what": "transactions against their root", "number": number}

    @pytest.mark.parametrize("told", [None, "0x", "0x12 4", "nonsense", 5, "0x" + "ab" * 100])
    def test_whose_bytes_are_others_are_refused(self, liar: LyingNode, told: Any) -> None:
        other = Answers(lambda *_: {"result": told}, where=asking("eth_getRawTransactionByHash"))
        with session(liar, other) as node:
            (header,) = fetch_headers(node, 14, 14)
            with pytest.raises(IncompleteAnswer):
                prove_transactions(node, header)

    def test_are_not_proved_where_the_node_has_no_bytes(self, liar: LyingNode) -> None:
        method = "eth_getRawTransactionByHash"
        with session(liar, Without(method)) as node:
            (header,) = fetch_headers(node, 14, 14)
            assert not prove_transactions(node, header)
            assert not prove_transactions(node, header)
        assert liar.count(method) == 1
        with session(liar, Refused(method, -32000, "boom")) as node, pytest.raises(RpcError):
            prove_transactions(node, header)
