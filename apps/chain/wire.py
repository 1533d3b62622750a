"""Headers, receipts and logs as a node writes them, read strictly: what does not fit is an incomplete answer.

`..Answer` are the texts as served, decoded by type; `Header` and `WireLog` are what is kept of them.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from apps.chain.errors import IncompleteAnswer

HASH, ADDRESS, BLOOM = 32, 20, 256  # bytes
# A header may be true to its hash and yet name what no calendar and no column holds.
LARGEST, LARGEST_INDEX, LAST_SECOND = 2**63 - 1, 2**31 - 1, 253_402_300_799

T = TypeVar("T")
Topics = Annotated[list[str], msgspec.Meta(max_length=4)]


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. `timestamp` is in seconds, `bloom` a 2048-bit integer.

    `transactions` are the hashes of the block's transactions in order, None where they are not known: a stored block
    does not tell them, nor gas used, nor their root.
    """

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    state_root: str
    receipts_root: str
    bloom: int
    gas_used: int = 0
    transactions: tuple[str, ...] | None = None
    transactions_root: str = ""


class WireLog(msgspec.Struct, frozen=True, gc=False):
    """A log of a mined block. All texts are 0x and lower case."""

    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str
    tx_index: int
    address: str
    topics: tuple[str, ...]
    data: str


class HeaderAnswer(msgspec.Struct, rename="camel"):
    """A block without its transactions, as served; fields of forks after the block's are None."""

    hash: str
    parent_hash: str
    sha3_uncles: str
    miner: str
    state_root: str
    transactions_root: str
    receipts_root: str
    logs_bloom: str
    difficulty: str
    number: str
    gas_limit: str
    gas_used: str
    timestamp: str
    extra_data: str
    mix_hash: str
    nonce: str
    transactions: list[str]
    base_fee_per_gas: str | None = None
    withdrawals_root: str | None = None
    blob_gas_used: str | None = None
    excess_blob_gas: str | None = None
    parent_beacon_block_root: str | None = None
    requests_hash: str | None = None
    block_access_list_hash: str | None = None
    slot_number: str | None = None


class ReceiptLog(msgspec.Struct, rename="camel", gc=False):
    """A log within a receipt, as served."""

    address: str
    topics: Topics
    data: str
    block_hash: str
    log_index: str
    transaction_index: str
    removed: bool = False


class LogAnswer(msgspec.Struct, rename="camel", gc=False):
    """A log from eth_getLogs, as served."""

    address: str
    topics: Topics
    data: str
    block_hash: str
    block_number: str
    log_index: str
    transaction_hash: str
    transaction_index: str
    removed: bool = False


class ReceiptAnswer(msgspec.Struct, rename="camel"):
    """A transaction's receipt, as served."""

    transaction_hash: str
    transaction_index: str
    block_hash: str
    cumulative_gas_used: str
    logs_bloom: str
    logs: list[ReceiptLog]
    type: str = "0x0"
    status: str | None = None
    root: str | None = None


class StorageProof(msgspec.Struct, rename="camel", gc=False):
    """The nodes that prove a word of storage, as served. What else is said of it is not believed."""

    proof: list[str]


class ProofAnswer(msgspec.Struct, rename="camel"):
    """What eth_getProof serves, as far as it can be verified."""

    account_proof: list[str]
    storage_proof: list[StorageProof]


HEADER = msgspec.json.Decoder(HeaderAnswer)
PROOF = msgspec.json.Decoder(ProofAnswer)
LOGS = msgspec.json.Decoder(list[LogAnswer])
RECEIPTS = msgspec.json.Decoder(list[ReceiptAnswer])
RECEIPT = msgspec.json.Decoder(ReceiptAnswer)


def decode(decoder: msgspec.json.Decoder[T], answer: msgspec.Raw, *, what: str, number: int | None = None) -> T:
    """The typed answer. Raises IncompleteAnswer for null and for what has another shape."""
    try:
        return decoder.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        raise IncompleteAnswer(what=what, number=number) from None


def read_header(answer: Any) -> Header:
    """A header from eth_getBlockByNumber or ByHash, its hash unchecked. Raises IncompleteAnswer."""
    try:
        return header_of(msgspec.convert(answer, HeaderAnswer))
    except msgspec.ValidationError:
        raise IncompleteAnswer(what="header") from None


def header_of(answer: HeaderAnswer) -> Header:
    """What is kept of a header. Raises IncompleteAnswer where a field is no hexadecimal text of its length."""
    try:
        return Header(
            number=quantity(answer.number),
            hash=fixed(answer.hash, HASH),
            parent_hash=fixed(answer.parent_hash, HASH),
            timestamp=quantity(answer.timestamp, LAST_SECOND),
            state_root=fixed(answer.state_root, HASH),
            receipts_root=fixed(answer.receipts_root, HASH),
            bloom=int(fixed(answer.logs_bloom, BLOOM), 16),
            gas_used=quantity(answer.gas_used),
            transactions=tuple([fixed(each, HASH) for each in answer.transactions]),
            transactions_root=fixed(answer.transactions_root, HASH),
        )
    except ValueError:
        raise IncompleteAnswer(what="header") from None


def log_of(answer: LogAnswer) -> WireLog:
    """A log from eth_getLogs. Raises IncompleteAnswer for a removed or malformed one."""
    if answer.removed:
        raise IncompleteAnswer(what="removed log")
    try:
        return WireLog(
            quantity(answer.block_number),
            fixed(answer.block_hash, HASH),
            quantity(answer.log_index, LARGEST_INDEX),
            fixed(answer.transaction_hash, HASH),
            quantity(answer.transaction_index, LARGEST_INDEX),
            fixed(answer.address, ADDRESS),
            tuple([fixed(topic, HASH) for topic in answer.topics]),
            fixed(answer.data, len(answer.data) // 2 - 1),
        )
    except ValueError:
        raise IncompleteAnswer(what="log") from None


def quantity(text: str, most: int = LARGEST) -> int:
    """A natural number. Raises ValueError unless the text is 0x and hexadecimal digits, and no more than `most`."""
    if text[:2] != "0x" or not (text.isascii() and text.isalnum()) or (number := int(text, 16)) > most:
        raise ValueError(text)
    return number


def fixed(text: str, size: int) -> str:
    """The text of so many bytes, in lower case. Raises ValueError unless it is 0x and hexadecimal digits."""
    if len(raw_bytes(text)) != size:
        raise ValueError(text)
    return text.lower()


def raw_bytes(text: str) -> bytes:
    """The bytes of a text. Raises ValueError unless it is 0x and hexadecimal digits (`fromhex` skips spaces)."""
    raw = bytes.fromhex(text[2:])
    if text[:2] != "0x" or len(text) != 2 + 2 * len(raw):
        raise ValueError(text)
    return raw
