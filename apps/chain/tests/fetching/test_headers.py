"""Headers that lie, and headers that cannot be checked."""

from typing import Any

import pytest

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, RpcError
from apps.chain.fetching import fetch_headers, fetch_tip
from apps.chain.limits import Cap, HeaderPolicy, Policy
from apps.chain.testing.lies import Altered, Answer, Answers, Lie, Refused, Slow, asking
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.busy_chain import BusyChain
from apps.chain.tests.fetching.reading import Truth, session

TRUST = Policy(headers=HeaderPolicy.TRUST)


def changing(**fields: Any) -> Lie:
    """A node that serves block 14, which has logs, with other fields; one of value ... is left out."""

    def change(method: str, _params: list[Any], told: Answer) -> Answer | None:
        if not method.startswith("eth_getBlockBy") or told["result"]["number"] != "0xe":
            return None
        changed = told["result"] | fields
        return {"result": {name: value for name, value in changed.items() if value is not ...}}

    return Answers(change)


class TestHeaders:
    @pytest.mark.parametrize(
        "fields",
        [
            {"logsBloom": "0x" + "00" * 256},
            {"receiptsRoot": "0x" + "11" * 32},
            {"timestamp": "0x1"},
            {"gasUsed": "0x0"},
            {"miner": "0x" + "22" * 20},
            {"hash": "0x" + "33" * 32},
        ],
    )
    def test_that_do_not_hash_to_what_they_claim_are_refused(self, liar: LyingNode, fields: dict[str, str]) -> None:
        with session(liar, changing(**fields)) as node, pytest.raises(IncompleteAnswer) as refused:
            fetch_headers(node, 10, 17)
        assert refused.value.context == {"what": "header against its hash", "number": 14, "unknown": ""}

    def test_with_fields_of_a_fork_to_come_are_refused_by_name(self, liar: LyingNode) -> None:
        lie = changing(hash="0x" + "33" * 32, executionTickets="0x0")
        with session(liar, lie) as node, pytest.raises(IncompleteAnswer) as refused:
            fetch_headers(node, 14, 14)
        assert refused.value.context["unknown"] == "executionTickets"

    def test_with_a_field_after_a_missing_one_cannot_be_verified(self, liar: LyingNode) -> None:
        with session(liar, changing(withdrawalsRoot=...)) as node, pytest.raises(IncompleteAnswer) as refused:
            fetch_headers(node, 14, 14)
        assert refused.value.context["what"] == "unverifiable header"

    @pytest.mark.parametrize(
        "fields",
        [
            {"timestamp": "0x3afff44180"}, {"number": "0x8000000000000000"}, {"gasUsed": "0x" + "f" * 17},
            {"number": 5}, {"number": "5"}, {"number": "0x-5"}, {"number": "0x5_0"}, {"stateRoot": ...},
            {"stateRoot": "0x" + "00" * 31}, {"logsBloom": None}, {"hash": "0x" + "é" * 64},
            {"transactions": [{"hash": "0x"}]}, {"transactions": ["0x12"]}, {"parentHash": "0x" + "zz" * 32},
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("policy", [TRUST, Policy()], ids=["trusted", "verified"])
    def test_of_another_shape_are_refused(self, liar: LyingNode, fields: dict[str, Any], policy: Policy) -> None:
        with session(liar, changing(**fields), policy=policy) as node, pytest.raises(IncompleteAnswer):
            fetch_headers(node, 14, 14)

    def test_of_a_chain_that_hashes_otherwise_are_taken_at_their_word(self, liar: LyingNode, chain: BusyChain) -> None:
        lie = changing(extraData="0x01", withdrawalsRoot=...)
        with session(liar, lie, policy=TRUST) as node:
            assert [each.hash for each in fetch_headers(node, 13, 15)] == [chain.hash_at(at) for at in (13, 14, 15)]
        assert lie.told

    def test_must_be_linked_also_where_they_are_trusted(self, liar: LyingNode) -> None:
        lie = changing(hash="0x" + "33" * 32)
        with session(liar, lie, policy=TRUST) as node, pytest.raises(IncompleteAnswer) as refused:
            fetch_headers(node, 10, 17)
        assert refused.value.context == {"what": "unlinked headers", "number": 15}

    def test_that_are_missing_or_refused_are_none(self, liar: LyingNode, truth: Truth) -> None:
        with session(liar) as node:
            with pytest.raises(IncompleteAnswer):
                fetch_headers(node, truth.head, truth.head + 1)
            refused = Refused("eth_getBlockByNumber", -32000, "header not found")
            with liar.lying(refused), pytest.raises(RpcError):
                fetch_headers(node, 1, 2)

    def test_are_asked_for_in_batches_that_a_slow_node_makes_smaller(self, liar: LyingNode) -> None:
        slow = Slow(0.05, each=True, where=asking("eth_getBlockByNumber"))
        with session(liar, slow, seconds=0.8) as node:
            node.limits.headers = Cap(40)
            with pytest.raises(ChainUnavailable):
                fetch_headers(node, 0, 29)
            assert node.limits.headers.value == 15
            fetch_headers(node, 0, 9)


class TestTip:
    def test_is_checked_as_any_header(self, liar: LyingNode, truth: Truth) -> None:
        forged = Altered("eth_getBlockByNumber", {"number": "0xffff"}, where=asking("eth_getBlockByNumber", "latest"))
        with session(liar, forged) as node, pytest.raises(IncompleteAnswer):
            fetch_tip(node)
        with session(liar) as node:
            assert fetch_tip(node).head.number == truth.head

    @pytest.mark.parametrize("told", [{"result": None}, {"error": {"code": -39001, "message": "unknown block"}}])
    def test_has_no_final_block_where_the_node_has_none(self, liar: LyingNode, truth: Truth, told: Answer) -> None:
        lie = Answers(lambda *_: told, where=asking("eth_getBlockByNumber", "finalized"))
        with session(liar, lie) as node:
            assert fetch_tip(node).final is None
        assert liar.count("eth_getBlockByNumber") == 2
