"""The hash of a block header, from its fields as JSON-RPC serves them.

Fifteen fields since the first block (Yellow Paper, 4.4); each fork appended its own: London base fee (EIP-1559),
Shanghai withdrawals (EIP-4895), Cancun blob gas (EIP-4844) and beacon root (EIP-4788), Prague requests (EIP-7685),
Glamsterdam access lists (EIP-7928) and slot number (EIP-7843). Seals of QBFT and Clique chains are hashed otherwise.
"""

from collections.abc import Callable
from typing import Protocol

from eth_hash.auto import keccak

from apps.chain.proofs.errors import Unverifiable
from apps.chain.rlp import encode_bytes, encode_int, encode_list


class HeaderFields(Protocol):
    """The fields of a header as 0x texts; those of a later fork than the block's are None."""

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
    base_fee_per_gas: str | None
    withdrawals_root: str | None
    blob_gas_used: str | None
    excess_blob_gas: str | None
    parent_beacon_block_root: str | None
    requests_hash: str | None
    block_access_list_hash: str | None
    slot_number: str | None


def _data(text: str) -> bytes:
    return encode_bytes(_bytes(text))


def _quantity(text: str) -> bytes:
    return encode_int(int(text, 16))


Write = Callable[[str], bytes]

ALWAYS: tuple[tuple[str, Write], ...] = (
    ("parent_hash", _data), ("sha3_uncles", _data), ("miner", _data), ("state_root", _data),
    ("transactions_root", _data), ("receipts_root", _data), ("logs_bloom", _data), ("difficulty", _quantity),
    ("number", _quantity), ("gas_limit", _quantity), ("gas_used", _quantity), ("timestamp", _quantity),
    ("extra_data", _data), ("mix_hash", _data), ("nonce", _data),
)  # fmt: skip
FORKS: tuple[tuple[str, Write], ...] = (
    ("base_fee_per_gas", _quantity), ("withdrawals_root", _data), ("blob_gas_used", _quantity),
    ("excess_blob_gas", _quantity), ("parent_beacon_block_root", _data), ("requests_hash", _data),
    ("block_access_list_hash", _data), ("slot_number", _quantity),
)  # fmt: skip


def header_hash(fields: HeaderFields) -> str:
    """keccak(rlp(header)) as a 0x text. Raises Unverifiable as header_rlp() does."""
    return "0x" + keccak(header_rlp(fields)).hex()


def header_rlp(fields: HeaderFields) -> bytes:
    """The header as its hash is made of it.

    Raises Unverifiable where a field is missing before one that is present, or is no hexadecimal text.
    """
    layout = ALWAYS + _appended(fields)
    try:
        items = [write(getattr(fields, name)) for name, write in layout]
    except ValueError:
        raise Unverifiable("a field is no hexadecimal text") from None
    return encode_list(items)


def _appended(fields: HeaderFields) -> tuple[tuple[str, Write], ...]:
    """The forks' fields that are present: a fork appends to those before it, so none follows one that is missing."""
    present = [getattr(fields, name) is not None for name, _ in FORKS]
    count = present.index(False) if False in present else len(FORKS)
    if any(present[count:]):
        raise Unverifiable(f"{FORKS[count][0]} is missing before a later field")
    return FORKS[:count]


def _bytes(text: str) -> bytes:
    """The bytes of a 0x text. Raises ValueError unless it is hexadecimal throughout (`fromhex` skips spaces)."""
    value = bytes.fromhex(text[2:])
    if text[:2] != "0x" or len(text) != 2 + 2 * len(value):
        raise ValueError(text)
    return value
