"""The root of a block's receipts, from the receipts as JSON-RPC serves them.

A receipt is [status or state root, cumulative gas, bloom, logs] (Yellow Paper, 4.3.1; EIP-658), behind its type's
byte from type 1 on (EIP-2718). The root proves addresses, topics and data of every log, their order and that none
is missing. It does not prove transaction hashes, block hashes or indexes: whoever reads logs must count them.

Written for speed: one text of hexadecimal digits for each receipt, made bytes once. Lengths are taken from the
texts, and each text must begin with 0x: then no spaces and no shifted bytes can make up the right root.
"""

from collections.abc import Sequence
from typing import Protocol

from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.trie import ordered_root

TYPES = {"0x0": "", "0x1": "01", "0x2": "02", "0x3": "03", "0x4": "04"}  # EIP-2930, 1559, 4844, 7702
STATUS = {"0x0": "80", "0x1": "01"}
ADDRESS, WORD, BLOOM = 42, 66, 514  # characters, with 0x
TRANSFER_BYTES = 157  # of a log with three topics and one word of data, such as every ERC-20 transfer
BLOOM_BYTES = 259  # with its prefix


class Log(Protocol):
    """A log's consensus fields, as 0x texts."""

    address: str
    data: str

    @property
    def topics(self) -> Sequence[str]:
        """At most four words."""


class Receipt(Protocol):
    """A receipt's consensus fields, as 0x texts. `status` is None before Byzantium, `root` after it."""

    type: str
    status: str | None
    root: str | None
    cumulative_gas_used: str
    logs_bloom: str

    @property
    def logs(self) -> Sequence[Log]:
        """In the order in which they were written."""


def receipts_root(receipts: Sequence[Receipt]) -> str:
    """The root a header must hold for these receipts, in their order, as a 0x text. Raises as `receipt_bytes`."""
    return "0x" + ordered_root([receipt_bytes(receipt) for receipt in receipts]).hex()


def receipt_bytes(receipt: Receipt) -> bytes:
    """A receipt as the trie holds it.

    Raises Unverifiable for a type this module does not know and for what is no hexadecimal text of its length.
    """
    try:
        return bytes.fromhex(_text(receipt).replace("0x", ""))
    except (KeyError, ValueError, TypeError):
        raise Unverifiable("a receipt of unknown type or malformed fields") from None


def _text(receipt: Receipt) -> str:
    kind = TYPES[receipt.type]
    if len(receipt.logs_bloom) != BLOOM or receipt.logs_bloom[:2] != "0x":
        raise ValueError(receipt.logs_bloom)
    outcome, outcome_bytes = _outcome(receipt)
    gas = _item(_minimal(receipt.cumulative_gas_used))
    logs, logs_bytes = _logs(receipt.logs)
    length = outcome_bytes + (len(gas) - 2) // 2 + BLOOM_BYTES + logs_bytes
    return f"{kind}{_prefix(length, 0xC0)}{outcome}{gas}b90100{receipt.logs_bloom}{logs}"


def _outcome(receipt: Receipt) -> tuple[str, int]:
    """The status, or before Byzantium the state root; and its length in bytes."""
    if receipt.status is not None:
        return STATUS[receipt.status], 1
    if receipt.root is None or len(receipt.root) != WORD or receipt.root[:2] != "0x":
        raise ValueError(receipt.root)
    return "a0" + receipt.root, 33


def _minimal(quantity: str) -> str:
    """A natural number as a 0x text of whole bytes without leading zeros."""
    digits = f"{int(quantity, 16):x}".lstrip("0")
    return f"0x{'0' * (len(digits) % 2)}{digits}"


def _logs(logs: Sequence[Log]) -> tuple[str, int]:
    parts = []
    total = 0
    for log in logs:
        text, length = _log(log)
        parts.append(text)
        total += length
    prefix = _prefix(total, 0xC0)
    return prefix + "".join(parts), len(prefix) // 2 + total


def _log(log: Log) -> tuple[str, int]:
    """A log's text and its length in bytes; one with three topics and a word of data always has the same frame."""
    address, topics, data = log.address, log.topics, log.data
    if len(address) != ADDRESS or address[:2] != "0x" or data[:2] != "0x":
        raise ValueError(address)
    for topic in topics:
        if len(topic) != WORD or topic[:2] != "0x":
            raise ValueError(topic)
    if len(topics) == 3 and len(data) == WORD:
        return f"f89b94{address}f863a0{topics[0]}a0{topics[1]}a0{topics[2]}a0{data}", TRANSFER_BYTES
    return _any_log(address, topics, data)


def _any_log(address: str, topics: Sequence[str], data: str) -> tuple[str, int]:
    words = "".join(["a0" + topic for topic in topics])
    size = 33 * len(topics)
    head, tail = _prefix(size, 0xC0), _item(data)
    length = 21 + len(head) // 2 + size + (len(tail) - 2) // 2
    prefix = _prefix(length, 0xC0)
    return f"{prefix}94{address}{head}{words}{tail}", len(prefix) // 2 + length


def _item(text: str) -> str:
    """The digits, with one 0x among them, of a 0x text as an RLP string."""
    length, odd = divmod(len(text) - 2, 2)
    if odd:
        raise ValueError(text)
    if length == 1 and text[2] < "8":
        return text
    return _prefix(length, 0x80) + text


def _prefix(length: int, short: int) -> str:
    if length < 56:
        return f"{short + length:02x}"
    size = f"{length:x}"
    size = "0" * (len(size) % 2) + size
    return f"{short + 55 + len(size) // 2:02x}{size}"
