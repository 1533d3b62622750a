"""Every way of asking gives the same logs, and no lie about them passes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodePruned, RpcError
from apps.chain.limits import Cap, Policy
from apps.chain.testing.lies import Altered, Answer, Answers, Empty, Null, Refused, Without, asking
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain
from apps.chain.tests.fetching.reading import BLOOM, POLICIES, RANGES, RECEIPTS, Truth, read_all, session

Spoil = Callable[[list[Any]], Any]


def first_full(answer: list[Any]) -> list[Any]:
    return next(receipt["logs"] for receipt in answer if receipt["logs"])


def other_topics(answer: list[Any]) -> None:
    for log in first_full(answer):
        log["topics"] = ["0x" + "02" * 32] * len(log["topics"])


def every_receipt(name: str, value: str) -> Spoil:
    return lambda answer: [receipt.__setitem__(name, value) for receipt in answer]


LIES: dict[str, Spoil] = {
    "nothing": lambda answer: answer.clear(),
    "without the last receipt": lambda answer: answer.pop(),
    "without one log": lambda answer: first_full(answer).pop(),
    "without logs": lambda answer: [receipt["logs"].clear() for receipt in answer],
    "with a log twice": lambda answer: first_full(answer).append(first_full(answer)[-1]),
    "another amount": lambda answer: first_full(answer)[0].__setitem__("data", "0x" + "01" * 32),
    "other topics": other_topics,
    "another contract": lambda answer: first_full(answer)[0].__setitem__("address", "0x" + "03" * 20),
    "a failure as success": every_receipt("status", "0x1"),
    "another block's hash": every_receipt("blockHash", "0x" + "04" * 32),
    "another transaction": lambda answer: answer[0].__setitem__("transactionHash", "0x" + "05" * 32),
    "another index": lambda answer: first_full(answer)[0].__setitem__("logIndex", "0x7"),
    "another transaction's index": lambda answer: first_full(answer)[0].__setitem__("transactionIndex", "0x7"),
    "a removed log": lambda answer: first_full(answer)[0].__setitem__("removed", True),
    "another type": every_receipt("type", "0x9"),
    "no status": lambda answer: [receipt.pop("status") for receipt in answer],
    "five topics": lambda answer: first_full(answer)[0].__setitem__("topics", ["0x" + "06" * 32] * 5),
    "a number for a text": lambda answer: first_full(answer)[0].__setitem__("logIndex", 7),
}


class TestEveryWayOfAsking:
    @pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
    @pytest.mark.parametrize("final", [None, -1], ids=["final", "young"])
    def test_gives_each_log_once_where_the_node_has_it(
        self, liar: LyingNode, truth: Truth, policy: Policy, final: int | None
    ) -> None:
        with session(liar, policy=policy) as node:
            assert read_all(node, truth, final=final) == truth.logs
        assert len(truth.logs) > 390

    def test_of_young_blocks_names_the_block_by_its_hash(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar, policy=RANGES) as node:
            read_all(node, truth, final=-1)
        assert not liar.count("eth_getLogs")
        assert all(len(params[0]) == 66 for method, params in liar.asked if method == "eth_getBlockReceipts")

    def test_asks_for_no_block_whose_bloom_rules_out_the_contracts(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar, policy=RECEIPTS) as node:
            read_all(node, truth)
        asked = [params[0] for method, params in liar.asked if method == "eth_getBlockReceipts"]
        assert len(asked) == len(set(asked)) < truth.head

    def test_needs_no_receipts_of_blocks(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar, Without("eth_getBlockReceipts"), policy=RECEIPTS) as node:
            assert read_all(node, truth) == truth.logs
            assert not node.limits.block_receipts
        assert liar.count("eth_getTransactionReceipt") >= 60
        assert liar.count("eth_getBlockReceipts") < 60  # the first batch, and no more

    def test_reads_a_block_too_large_for_the_node_by_its_transactions(
        self, liar: LyingNode, chain: BusyChain, truth: Truth
    ) -> None:
        crowd = chain.hash_at(truth.head - 1)
        of_the_crowd = asking("eth_getBlockReceipts", crowd)
        too_large = Refused("eth_getBlockReceipts", -32003, "response too large", where=of_the_crowd)
        with session(liar, too_large, policy=RECEIPTS) as node:
            assert read_all(node, truth) == truth.logs
            assert node.limits.block_receipts
            assert node.limits.receipts.value < 500
        assert liar.count("eth_getTransactionReceipt") == 30

    def test_keeps_an_answer_within_the_bytes_predicted(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar, policy=RECEIPTS) as node:
            node.limits.receipts = Cap(3)
            assert read_all(node, truth) == truth.logs


class TestReceiptsThatLie:
    @pytest.mark.parametrize(
        ("policy", "name"), [*((RECEIPTS, name) for name in LIES), (RANGES, "nothing"), (RANGES, "without one log")]
    )
    def test_are_refused(self, liar: LyingNode, truth: Truth, policy: Policy, name: str) -> None:
        def spoilt(_method: str, _params: list[Any], told: Answer) -> Answer:
            answer = deepcopy(told["result"])
            if answer and any(receipt["logs"] for receipt in answer):
                LIES[name](answer)
            return {"result": answer}

        lies = Empty(methods=("eth_getLogs",)), Answers(spoilt, where=asking("eth_getBlockReceipts"))
        with session(liar, *lies, policy=policy) as node, pytest.raises(IncompleteAnswer) as refused:
            read_all(node, truth)
        assert refused.value.context["number"] is not None

    def test_are_refused_by_transaction_too(self, liar: LyingNode, truth: Truth) -> None:
        lies = Without("eth_getBlockReceipts"), Null("eth_getTransactionReceipt")
        with session(liar, *lies, policy=RECEIPTS) as node, pytest.raises(IncompleteAnswer):
            read_all(node, truth)

    def test_of_a_transaction_in_another_block_are_refused(self, liar: LyingNode, truth: Truth) -> None:
        elsewhere = Altered("eth_getTransactionReceipt", {"blockHash": "0x" + "07" * 32})
        with (
            session(liar, Without("eth_getBlockReceipts"), elsewhere, policy=RECEIPTS) as node,
            pytest.raises(IncompleteAnswer) as refused,
        ):
            read_all(node, truth)
        assert refused.value.context["what"] == "receipts of another block"

    def test_are_answered_by_nothing_kept_where_the_node_refuses(self, liar: LyingNode, truth: Truth) -> None:
        for code, message, error in (
            (-32000, "required historical state has been pruned", NodePruned),
            (-32016, "something nobody expects", RpcError),
            (429, "Too Many Requests", ChainUnavailable),
        ):
            with session(liar, Refused("eth_getBlockReceipts", code, message), policy=RECEIPTS) as node:
                with pytest.raises(error):
                    read_all(node, truth)
                assert node.limits.block_receipts


class TestLogsOfBlocksThatLie:
    """On a chain whose receipts cannot be hashed, the bloom and the numbers are all there is."""

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda logs: logs.clear(),
            lambda logs: logs.pop(0),
            lambda logs: logs[0].__setitem__("address", "0x" + "03" * 20),
            lambda logs: logs[0].__setitem__("blockHash", "0x" + "04" * 32),
            lambda logs: logs[0].__setitem__("logIndex", "0x900"),
            lambda logs: logs[0].__setitem__("removed", True),
            lambda logs: logs[0].__setitem__("data", "0x1"),
            lambda logs: logs[0].__setitem__("blockNumber", None),
        ],
    )
    def test_are_refused(self, liar: LyingNode, truth: Truth, spoil: Spoil) -> None:
        def spoilt(_method: str, _params: list[Any], told: Answer) -> Answer:
            logs = deepcopy(told["result"])
            if logs:
                spoil(logs)
            return {"result": logs}

        lie = Answers(spoilt, where=asking("eth_getLogs"))
        with session(liar, lie, policy=BLOOM) as node, pytest.raises(IncompleteAnswer):
            read_all(node, truth, final=-1)

    def test_are_read_from_receipts_where_they_are_too_many(self, liar: LyingNode, truth: Truth) -> None:
        lie = Refused("eth_getLogs", -32005, "query returned more than 10000 results")
        with session(liar, lie, policy=BLOOM) as node:
            assert read_all(node, truth) == truth.logs
        assert lie.told
