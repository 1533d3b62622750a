"""Ranges of logs: refused ones are made smaller, doubtful ones are decided by receipts."""

from typing import Any

import pytest

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NodePruned
from apps.chain.limits import Cap
from apps.chain.testing.lies import Answer, Answers, Empty, Lie, Refused, Slow, asking
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain
from apps.chain.tests.fetching.reading import RANGES, Truth, read_all, session


def width(params: list[Any]) -> int:
    return int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1


def at_most(blocks: int, message: str, code: int = -32602) -> Lie:
    """A node that takes so many blocks and says so in its own words; {from} and {to} are what was asked."""

    def refuse(method: str, params: list[Any], _told: Answer) -> Answer | None:
        if method != "eth_getLogs" or width(params) <= blocks:
            return None
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        words = message.format(first=first, last=last, fit=hex(first + blocks - 1), start=hex(first))
        return {"error": {"code": code, "message": words}}

    return Answers(refuse)


def ranges(liar: LyingNode) -> list[int]:
    return [width(params) for method, params in liar.asked if method == "eth_getLogs"]


class TestRefusedRanges:
    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ("query exceeds max block range 6", -32602),
            ("eth_getLogs is limited to a 6 range", -32614),
            ("Make requests with up to a 6 block range: this block range should work: [{start}, {fit}]", -32600),
            ("query returned more than 10000 results. Try with this block range [{start}, {fit}].", -32005),
        ],
    )  # fmt: skip
    def test_become_what_the_node_says_it_takes(self, liar: LyingNode, truth: Truth, message: str, code: int) -> None:
        with session(liar, at_most(6, message, code), policy=RANGES) as node:
            assert read_all(node, truth) == truth.logs
            assert node.limits.ranges.value == 6
        asked = ranges(liar)
        assert asked[0] > 6
        assert max(asked[1:]) == 6

    @pytest.mark.parametrize(
        "message",
        [
            "Requested range exceeds maximum RPC range limit",
            "query exceeds max results 20000, retry with the range {first}-{last}",  # the same range again
            "query exceeds max block range 9999",  # more than was asked for
            "query timeout exceeded",
        ],
    )
    def test_are_halved_where_it_says_nothing_smaller(self, liar: LyingNode, truth: Truth, message: str) -> None:
        with session(liar, at_most(6, message), policy=RANGES) as node:
            assert read_all(node, truth) == truth.logs
            assert 3 <= node.limits.ranges.value <= 6
        refused = ranges(liar)[: next(at for at, blocks in enumerate(ranges(liar)) if blocks <= 6)]
        assert refused == sorted(refused, reverse=True)
        assert len(refused) < 6

    def test_of_one_block_are_read_from_its_receipts(self, liar: LyingNode, truth: Truth) -> None:
        lie = Refused("eth_getLogs", -32005, "query returned more than 10000 results")
        with session(liar, lie, policy=RANGES) as node:
            assert read_all(node, truth) == truth.logs
            assert node.limits.ranges.value == 1
        assert liar.count("eth_getBlockReceipts")

    @pytest.mark.parametrize(("code", "message"), [(-32601, "the method eth_getLogs does not exist"), (-32000, "boom")])
    def test_for_another_reason_are_no_reason_to_ask_for_less(
        self, liar: LyingNode, truth: Truth, code: int, message: str
    ) -> None:
        lie = Refused("eth_getLogs", code, message)
        with session(liar, lie, policy=RANGES) as node:
            assert read_all(node, truth) == truth.logs
            assert node.limits.ranges.value == 2_000
        assert liar.count("eth_getLogs") == lie.told == 1

    @pytest.mark.parametrize(
        ("code", "message", "error"),
        [
            (-32005, "daily request count exceeded, request rate limited", ChainUnavailable),
            (-32000, "history has been pruned for this block", NodePruned),
        ],
    )
    def test_that_must_wait_or_go_elsewhere_give_nothing(
        self, liar: LyingNode, truth: Truth, code: int, message: str, error: type[Exception]
    ) -> None:
        with session(liar, Refused("eth_getLogs", code, message), policy=RANGES) as node:
            with pytest.raises(error):
                read_all(node, truth)
            assert node.limits.ranges.value == 2_000
        assert liar.count("eth_getLogs") == 1

    def test_are_halved_after_a_timeout(self, liar: LyingNode, truth: Truth) -> None:
        slow = Slow(1.2, where=asking("eth_getLogs"))
        with session(liar, slow, policy=RANGES, seconds=0.8) as node:
            with pytest.raises(ChainUnavailable):
                read_all(node, truth)
            assert node.limits.ranges.value == ranges(liar)[0] // 2

    def test_grow_again_after_twenty_answers(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar, policy=RANGES) as node:
            node.limits.ranges = Cap(1, most=2_000)
            assert read_all(node, truth) == truth.logs
            assert node.limits.ranges.value == 2
        assert ranges(liar)[:20] == [1] * 20


class TestDoubtfulRanges:
    def test_are_decided_by_receipts(self, liar: LyingNode, truth: Truth) -> None:
        def forgetful(_method: str, _params: list[Any], told: Answer) -> Answer:
            return {"result": [log for log in told["result"] if int(log["blockNumber"], 16) % 2]}

        for lie in (Answers(forgetful, where=asking("eth_getLogs")), Empty(methods=("eth_getLogs",))):
            with session(liar, lie, policy=RANGES) as node:
                assert read_all(node, truth) == truth.logs
            assert lie.told
        assert liar.count("eth_getBlockReceipts")

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"topics": ["0x" + "ab" * 32]}, "log against the bloom"),
            ({"blockHash": "0x" + "ab" * 32}, "log of another block"),
            ({"blockNumber": "0x1"}, "log of another block"),
            ({"address": "0x" + "ab" * 20}, "log of another contract"),
            ({"transactionHash": "0x" + "ab" * 32}, "log of another transaction"),
            ({"transactionIndex": "0x999"}, "log of another transaction"),
            ({"logIndex": "nonsense"}, "log"),
            ({"logIndex": "0x80000000"}, "log"),
            ({"transactionIndex": "0x80000000"}, "log"),
            ({"removed": True}, "removed log"),
            ({"data": "0x1"}, "log"),
            ({"topics": ["0x12"]}, "log"),
            ({"topics": None}, "logs"),
        ],
    )
    def test_are_refused_where_the_header_rules_a_log_out(
        self, liar: LyingNode, truth: Truth, change: dict[str, Any], what: str
    ) -> None:
        def altered(_method: str, _params: list[Any], told: Answer) -> Answer:
            first, *others = told["result"]
            return {"result": [first | change, *others]}

        lie = Answers(altered, where=asking("eth_getLogs"))
        with session(liar, lie, policy=RANGES) as node, pytest.raises(IncompleteAnswer) as refused:
            read_all(node, truth)
        assert refused.value.context["what"] == what

    def test_are_refused_where_two_logs_stand_in_one_place(
        self, liar: LyingNode, chain: BusyChain, truth: Truth
    ) -> None:
        def doubled(_method: str, _params: list[Any], told: Answer) -> Answer:
            logs = told["result"]
            twin = next(log for log in logs if log["logIndex"] == "0x1") | {"logIndex": "0x0"}
            return {"result": [*logs, twin]}

        lie = Answers(doubled, where=asking("eth_getLogs"))
        with session(liar, lie, policy=RANGES) as node, pytest.raises(IncompleteAnswer) as refused:
            read_all(node, truth)
        assert refused.value.context["what"] == "two logs in one place"
