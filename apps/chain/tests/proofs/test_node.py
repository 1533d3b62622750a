"""Blocks of a real node: everything it serves verifies, and no served character can be changed unnoticed."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from apps.chain.errors import IncompleteAnswer
from apps.chain.fetching.headers import complete_headers, fetch_headers
from apps.chain.fetching.verified import logs_of
from apps.chain.proofs.headers import header_hash
from apps.chain.proofs.receipts import receipts_root
from apps.chain.proofs.trie import ordered_root
from apps.chain.tests.busy_chain import BusyChain, busy_chain
from apps.chain.wire import RECEIPTS, Header, HeaderAnswer, ReceiptAnswer, decode

Answer = dict[str, Any]


@dataclass(frozen=True)
class Served:
    header: Answer
    known: Header
    receipts: list[Answer]

    def logs(self, receipts: list[Answer] | None = None) -> int:
        """How many logs the receipts prove. Raises IncompleteAnswer."""
        text = json.dumps(self.receipts if receipts is None else receipts)
        read = decode(RECEIPTS, msgspec.Raw(text.encode()), what="receipts")
        wanted = {log["address"].lower() for receipt in self.receipts for log in receipt["logs"]}
        return len(logs_of(self.known, read, wanted))


@pytest.fixture(scope="module")
def chain() -> Iterator[BusyChain]:
    with busy_chain() as found:
        yield found


@pytest.fixture(scope="module")
def blocks(chain: BusyChain) -> list[Served]:
    head = chain.head()
    headers = fetch_headers(chain.node, 0, head)
    found = []
    for header in headers:
        answer = chain.node.call("eth_getBlockByHash", header.hash, False)
        receipts = chain.node.call("eth_getBlockReceipts", header.hash)
        found.append(Served(answer, header, receipts))
    return found


class TestBlocksOfANode:
    def test_hash_to_what_they_are_called(self, blocks: list[Served]) -> None:
        for block in blocks:
            served = msgspec.convert(block.header, HeaderAnswer)
            assert header_hash(served) == block.header["hash"]

    def test_hold_the_root_of_their_receipts_and_of_their_transactions(
        self, chain: BusyChain, blocks: list[Served]
    ) -> None:
        for block in blocks:
            receipts = msgspec.convert(block.receipts, list[ReceiptAnswer])
            assert receipts_root(receipts) == block.header["receiptsRoot"]
            raws = chain.node.batch([("eth_getRawTransactionByHash", (each,)) for each in block.header["transactions"]])
            root = ordered_root([bytes.fromhex(each[2:]) for each in raws])
            assert "0x" + root.hex() == block.header["transactionsRoot"]

    def test_are_of_every_kind(self, blocks: list[Served]) -> None:
        receipts = [receipt for block in blocks for receipt in block.receipts]
        assert {receipt["type"] for receipt in receipts} == {"0x0", "0x1", "0x2", "0x4"}
        assert {receipt["status"] for receipt in receipts} == {"0x0", "0x1"}
        assert {len(log["topics"]) for receipt in receipts for log in receipt["logs"]} == {0, 1, 2, 3, 4}
        assert max(len(block.receipts) for block in blocks) > 256  # indexes of one, two and three bytes in the trie
        assert max(len(receipt["logs"]) for receipt in receipts) == 300

    def test_give_the_logs_that_the_node_gives_itself(self, chain: BusyChain, blocks: list[Served]) -> None:
        for block in blocks:
            theirs = chain.node.call("eth_getLogs", {"blockHash": block.header["hash"]})
            read = msgspec.convert(block.receipts, list[ReceiptAnswer])
            found = logs_of(block.known, read, {log["address"] for log in theirs})
            assert [
                (log.address, list(log.topics), log.data, log.tx_hash, log.tx_index, log.log_index, log.block_hash)
                for log in found
            ] == [
                (
                    log["address"], log["topics"], log["data"], log["transactionHash"],
                    int(log["transactionIndex"], 16), int(log["logIndex"], 16), log["blockHash"],
                )
                for log in theirs
            ]  # fmt: skip

    def test_are_told_again_for_headers_that_know_less(self, chain: BusyChain, blocks: list[Served]) -> None:
        known = [block.known for block in blocks]
        stored = [
            Header(each.number, each.hash, each.parent_hash, each.timestamp, each.state_root, each.receipts_root, 0)
            for each in known
        ]
        assert complete_headers(chain.node, stored) == known


@pytest.mark.soak
class TestBlobs:
    def test_are_receipts_of_type_three(self, chain: BusyChain) -> None:
        chain.send_types(3)
        (header,) = fetch_headers(chain.node, chain.head(), chain.head())
        receipts = chain.node.call("eth_getBlockReceipts", header.hash)
        assert [receipt["type"] for receipt in receipts] == ["0x3"]
        assert Served({}, header, receipts).logs() == 1


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every text within an answer."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*at, key))


def altered(receipts: list[Answer], at: tuple[Any, ...], change: Callable[[str], str]) -> list[Answer]:
    copy = json.loads(json.dumps(receipts))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = change(inner[at[-1]])
    return copy


# What no header names and nothing here reads.
UNREAD = {
    "from", "to", "gasUsed", "effectiveGasPrice", "contractAddress", "blockNumber", "blockTimestamp",
    "blobGasPrice", "blobGasUsed", "authorizationList",
}  # fmt: skip


class TestEveryChange:
    def test_of_a_character_is_refused(self, blocks: list[Served]) -> None:
        chance = random.Random(5)
        tried = 0
        for block in blocks:
            every = [at for at in paths(block.receipts) if at[-1] not in UNREAD and not at_log_hash(at)]
            for at in chance.sample(every, min(len(every), 40)):
                where = chance.random()
                with pytest.raises(IncompleteAnswer):
                    block.logs(altered(block.receipts, at, lambda text, where=where: flipped(text, where)))
                tried += 1
        assert tried > 300

    def test_of_what_belongs_to_whom_is_refused(self, blocks: list[Served]) -> None:
        block = max(blocks, key=lambda each: sum(len(receipt["logs"]) for receipt in each.receipts))
        for spoil in SPOILS:
            copy = json.loads(json.dumps(block.receipts))
            spoil(copy)
            assert copy != block.receipts
            with pytest.raises(IncompleteAnswer):
                block.logs(copy)

    def test_of_case_is_none(self, blocks: list[Served]) -> None:
        block = next(each for each in blocks if any(receipt["logs"] for receipt in each.receipts))
        copy = json.loads(json.dumps(block.receipts))
        for receipt in copy:
            for log in receipt["logs"]:
                log["address"] = "0x" + log["address"][2:].upper()
                log["topics"] = ["0x" + topic[2:].upper() for topic in log["topics"]]
        assert block.logs(copy) == block.logs()


def at_log_hash(at: tuple[Any, ...]) -> bool:
    """A log's own transactionHash: its receipt's is what is kept."""
    return "logs" in at and at[-1] == "transactionHash"


def flipped(text: str, where: float) -> str:
    at = 2 + int(where * (len(text) - 2)) if len(text) > 2 else 0
    if not at:
        return text + "00"
    return f"{text[:at]}{int(text[at], 16) ^ 1:x}{text[at + 1 :]}"


def busiest(receipts: list[Answer]) -> Answer:
    return max(receipts, key=lambda receipt: len(receipt["logs"]))


def drop_log(receipts: list[Answer]) -> None:
    busiest(receipts)["logs"].pop(1)


def drop_last_log(receipts: list[Answer]) -> None:
    busiest(receipts)["logs"].pop()


def drop_receipt(receipts: list[Answer]) -> None:
    receipts.pop()


def drop_all(receipts: list[Answer]) -> None:
    receipts.clear()


def swap_logs(receipts: list[Answer]) -> None:
    logs = busiest(receipts)["logs"]
    logs[0], logs[1] = logs[1], logs[0]


def double_log(receipts: list[Answer]) -> None:
    busiest(receipts)["logs"].append(busiest(receipts)["logs"][-1])


def double_receipt(receipts: list[Answer]) -> None:
    receipts.append(receipts[-1])


def remove_log(receipts: list[Answer]) -> None:
    busiest(receipts)["logs"][0]["removed"] = True


def renumber(receipts: list[Answer]) -> None:
    logs = busiest(receipts)["logs"]
    logs[0]["logIndex"], logs[1]["logIndex"] = logs[1]["logIndex"], logs[0]["logIndex"]


SPOILS = [
    drop_log, drop_last_log, drop_receipt, drop_all, swap_logs, double_log, double_receipt, remove_log, renumber
]  # fmt: skip
