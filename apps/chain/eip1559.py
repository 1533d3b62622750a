"""Transactions of EIP-1559 in bytes: our one encoder, for whatever kind of key signs.

0x02 || rlp([chain id, nonce, tip, most fee, gas, to, value, data, access list]) is what is signed (its Keccak-256);
with [parity, r, s] behind it, it is what is sent. We send no access lists. There is one spelling of each transaction:
what is read must be it. This file knows no Django.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from eth_hash.auto import keccak

from apps.chain.rlp import encode_bytes, encode_int, encode_list
from apps.core.secp256k1 import Signature, public_key_of

TYPE = b"\x02"
LEAST_GAS = 21_000  # what any transaction costs
MOST_NONCE = 2**64 - 2  # EIP-2681
MOST_U64, MOST_U256 = 2**64 - 1, 2**256 - 1
ADDRESS = re.compile("0x[0-9a-f]{40}")
EMPTY_LIST = b"\xc0"
# Strings before the access list, and after it.
FIELDS, OF_THE_SIGNATURE = 8, 3
_RANGES = {
    "chain_id": (1, MOST_U64),
    "nonce": (0, MOST_NONCE),
    "max_priority_fee": (0, MOST_U256),
    "max_fee": (0, MOST_U256),
    "gas_limit": (LEAST_GAS, MOST_U64),
    "value": (0, MOST_U256),
}


class InvalidTransaction(ValueError):
    """No transaction of ours. The text names what is wrong, never its content."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed. Fees are in wei a unit of gas, `value` in wei; `to` is in lower case, None creates a contract.

    Raises InvalidTransaction for what no chain would take.
    """

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas_limit: int
    to: str | None
    value: int = 0
    data: bytes = b""

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            number = getattr(self, name)
            if type(number) is not int or not least <= number <= most:
                raise InvalidTransaction(f"{name} is no whole number from {least} to {most}")
        if self.max_priority_fee > self.max_fee:
            raise InvalidTransaction("max_priority_fee is above max_fee")
        if self.to is not None and not (isinstance(self.to, str) and ADDRESS.fullmatch(self.to)):
            raise InvalidTransaction("to is no address in lower case")
        if not isinstance(self.data, bytes):
            raise InvalidTransaction("data is not bytes")


def require_sendable(*, to: str | None, value: int, data: bytes) -> None:
    """Raise InvalidTransaction unless a transaction may say this: as Transaction does, without the rest of it."""
    Transaction(1, 0, 0, 0, LEAST_GAS, to, value, data)


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """A transaction ready to send, and the hash it will have: 0x and 64 digits."""

    raw: bytes
    hash: str


def unsigned_bytes(transaction: Transaction) -> bytes:
    """What a signature is over, before it is hashed."""
    return TYPE + encode_list(_fields(transaction))


def digest_of(transaction: Transaction) -> bytes:
    """The 32 bytes to sign."""
    return keccak256(unsigned_bytes(transaction))


def signed_bytes(transaction: Transaction, signature: Signature) -> SignedBytes:
    """The bytes to send. Whose signature it is, is not looked at: see sender_of()."""
    numbers = (signature.parity, signature.r, signature.s)
    raw = TYPE + encode_list([*_fields(transaction), *map(encode_int, numbers)])
    return SignedBytes(raw, "0x" + keccak256(raw).hex())


def read_unsigned(raw: bytes) -> Transaction:
    """The transaction of unsigned_bytes(). Raises InvalidTransaction for any other bytes."""
    return _transaction(_read(raw, FIELDS))


def read_signed(raw: bytes) -> tuple[Transaction, Signature]:
    """Transaction and signature of signed_bytes(). Raises InvalidTransaction for any other bytes."""
    fields = _read(raw, FIELDS + OF_THE_SIGNATURE)
    parity, r, s = (_number(field) for field in fields[FIELDS:])
    try:
        signature = Signature(r, s, parity)
    except ValueError as error:
        raise InvalidTransaction(str(error)) from None
    return _transaction(fields[:FIELDS]), signature


def sender_of(transaction: Transaction, signature: Signature) -> str:
    """The address whose signature it is. Raises InvalidTransaction where it is nobody's."""
    try:
        return address_of(public_key_of(signature, digest_of(transaction)))
    except ValueError as error:
        raise InvalidTransaction(str(error)) from None


def address_of(public_key: bytes) -> str:
    """The address of a key in lower case; `public_key` is its point, 65 bytes."""
    return "0x" + keccak256(public_key[1:])[-20:].hex()


def keccak256(content: bytes) -> bytes:
    """32 bytes: Ethereum's hash, which is not SHA-3's."""
    return keccak(content)


def _fields(transaction: Transaction) -> list[bytes]:
    """The items of the list, encoded."""
    t = transaction
    numbers = (t.chain_id, t.nonce, t.max_priority_fee, t.max_fee, t.gas_limit)
    to = bytes.fromhex(t.to[2:]) if t.to else b""
    return [*map(encode_int, numbers), encode_bytes(to), encode_int(t.value), encode_bytes(t.data), EMPTY_LIST]


def _transaction(fields: list[bytes]) -> Transaction:
    chain_id, nonce, tip, fee, gas, to, value, data = fields
    return Transaction(
        chain_id=_number(chain_id),
        nonce=_number(nonce),
        max_priority_fee=_number(tip),
        max_fee=_number(fee),
        gas_limit=_number(gas),
        to="0x" + to.hex() if to else None,
        value=_number(value),
        data=data,
    )


# Reading RLP, as far as a flat list of strings needs it (Ethereum's yellow paper, appendix B).


def _number(content: bytes) -> int:
    if content[:1] == b"\0":
        raise InvalidTransaction("a number with leading zeros")
    return int.from_bytes(content, "big")


def _read(raw: bytes, count: int) -> list[bytes]:
    """The list's strings; the empty access list stands after the eighth."""
    if raw[:1] != TYPE:
        raise InvalidTransaction("no transaction of type 2")
    start, end = _payload(raw, 1, 0xC0)
    if end != len(raw):
        raise InvalidTransaction("bytes are missing, or left over")
    fields: list[bytes] = []
    while start < end:
        field, start = _read_string(raw, start)
        fields.append(field)
        if len(fields) == FIELDS:
            if raw[start : start + 1] != EMPTY_LIST:
                raise InvalidTransaction("no access list, or one that is not empty")
            start += 1
    if len(fields) != count:
        raise InvalidTransaction(f"not {count} fields and an access list")
    return fields


def _read_string(raw: bytes, at: int) -> tuple[bytes, int]:
    """(content, where the next begins)."""
    if raw[at] < 0x80:
        return raw[at : at + 1], at + 1
    start, end = _payload(raw, at, 0x80)
    content = raw[start:end]
    if len(content) == 1 and content[0] < 0x80:
        _misspelt()
    return content, end


def _payload(raw: bytes, at: int, base: int) -> tuple[int, int]:
    """Where the content of the string (base 0x80) or list (0xC0) at this place begins and ends."""
    prefix = raw[at] - base if at < len(raw) else -1
    if not 0 <= prefix < 64:
        raise InvalidTransaction("a list where a string is due, or the reverse")
    if prefix < 56:
        start, length = at + 1, prefix
    else:
        start = at + 1 + prefix - 55
        length = _number(raw[at + 1 : start])
        if length < 56:
            _misspelt()
    if start + length > len(raw):
        raise InvalidTransaction("bytes are missing, or left over")
    return start, start + length


def _misspelt() -> NoReturn:
    raise InvalidTransaction("a length that is not spelt in the shortest way")
