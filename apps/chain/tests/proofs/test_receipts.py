"""Receipts as the trie holds them, against the library, and against texts made to deceive."""

from contextlib import suppress
from typing import Any

import pytest
import rlp
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.receipts import receipt_bytes, receipts_root
from apps.chain.wire import ReceiptAnswer, ReceiptLog

HASH = "0x" + "00" * 32


def hexed(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).map(lambda raw: "0x" + raw.hex())


data = st.binary(max_size=300).map(lambda raw: "0x" + raw.hex()) | st.sampled_from(
    ["0x", "0x00", "0x7f", "0x80", *("0x" + "ab" * size for size in (31, 32, 33, 55, 56, 255, 256, 70_000))]
)
logs = st.builds(
    lambda address, topics, text: ReceiptLog(address, topics, text, HASH, "0x0", "0x0"),
    hexed(20),
    st.lists(hexed(32), max_size=4),
    data,
)
gas = st.integers(min_value=0, max_value=2**64) | st.sampled_from([0, 1, 127, 128, 21_000, 2**24])


@st.composite
def receipts(draw: st.DrawFn) -> ReceiptAnswer:
    outcome = draw(st.sampled_from([{"status": "0x0"}, {"status": "0x1"}, {"root": draw(hexed(32))}]))
    return ReceiptAnswer(
        transaction_hash=HASH,
        transaction_index="0x0",
        block_hash=HASH,
        cumulative_gas_used=hex(draw(gas)),
        logs_bloom=draw(hexed(256)),
        logs=draw(st.lists(logs, max_size=5)),
        type=hex(draw(st.integers(min_value=0, max_value=4))),
        **outcome,
    )


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def by_the_library(receipt: ReceiptAnswer) -> bytes:
    outcome = raw(receipt.root) if receipt.status is None else (b"\x01" if receipt.status == "0x1" else b"")
    used = int(receipt.cumulative_gas_used, 16)
    written = [[raw(log.address), [raw(topic) for topic in log.topics], raw(log.data)] for log in receipt.logs]
    gas_bytes = used.to_bytes((used.bit_length() + 7) // 8, "big")
    kind = int(receipt.type, 16)
    return (bytes([kind]) if kind else b"") + rlp.encode([outcome, gas_bytes, raw(receipt.logs_bloom), written])


def transfer(**changes: Any) -> ReceiptAnswer:
    """A receipt with one ERC-20 transfer whose second indexed word begins with the byte a0."""
    topics = ["0x" + "11" * 32, "0x" + "22" * 32, "0xa0" + "33" * 31]
    log = ReceiptLog("0x" + "ab" * 20, topics, "0x" + "00" * 31 + "05", HASH, "0x0", "0x0")
    for name, value in changes.items():
        setattr(log, name, value)
    return ReceiptAnswer(HASH, "0x0", HASH, "0x5208", "0x" + "00" * 256, [log], type="0x2", status="0x1")


class TestReceiptBytes:
    @settings(max_examples=300)
    @given(receipts())
    def test_are_those_of_the_library(self, receipt: ReceiptAnswer) -> None:
        assert receipt_bytes(receipt) == by_the_library(receipt)

    def test_are_hashed_into_the_trie_of_one(self) -> None:
        leaf = rlp.encode([b"\x20\x80", by_the_library(transfer())])
        assert receipts_root([transfer()]) == "0x" + keccak(leaf).hex()

    @pytest.mark.parametrize("kind", ["0x5", "0x7e", "0x", "", "2"])
    def test_of_an_unknown_type_cannot_be_told(self, kind: str) -> None:
        receipt = transfer()
        receipt.type = kind
        with pytest.raises(Unverifiable):
            receipt_bytes(receipt)

    @pytest.mark.parametrize("change", [{"status": "0x2"}, {"status": None}, {"status": None, "root": "0x00"}])
    def test_need_an_outcome(self, change: dict[str, Any]) -> None:
        receipt = transfer()
        for name, value in change.items():
            setattr(receipt, name, value)
        with pytest.raises(Unverifiable):
            receipt_bytes(receipt)


class TestTextsThatDeceive:
    """Texts whose digits are the true ones, cut at other places: their bytes must not come out the same."""

    @pytest.mark.parametrize(
        "change",
        [
            # The byte a0 that stands before each topic is also the first of the third one: all moves by a byte.
            {"topics": ["0x" + "11" * 32, "22" * 32 + "a0", "0x0x" + "33" * 31]},
            {"topics": ["0x" + "11" * 32, "0x" + "22" * 32 + "a0", "0x" + "33" * 31]},
            {"topics": ["0x" + "11" * 32, "0x" + "22" * 32, "a0" + "33" * 32]},
            {"address": "ab" * 21},
            {"address": "0x" + "ab" * 19 + "  "},
            {"data": "0x" + "00" * 31 + "05  "},
            {"data": "0x" + "00" * 31 + "050x"},
            {"data": "0x" + "00" * 31 + "5"},
            {"data": "00" * 31 + "0005"},
            {"data": "0x" + "00" * 31 + "٠٥"},
        ],
    )
    def test_are_refused_or_hash_to_something_else(self, change: dict[str, Any]) -> None:
        with suppress(Unverifiable):
            assert receipt_bytes(transfer(**change)) != receipt_bytes(transfer())
