"""Recursive Length Prefix (Yellow Paper, appendix B): bytes in, bytes out.

To be written, lists are given as items already encoded, so that a caller joins long texts once. Read is only what is
canonical, and a list within a list only where it is shorter than a hash, as in the nodes of a trie.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from apps.chain.proofs.errors import Unverifiable

Decoded: TypeAlias = "bytes | Sequence[Decoded]"

EMPTY = b"\x80"  # the empty string, and the integer zero


def encode_bytes(value: bytes) -> bytes:
    """A string of bytes."""
    if len(value) == 1 and value[0] < 0x80:
        return value
    return _prefix(len(value), 0x80) + value


def encode_int(value: int) -> bytes:
    """A natural number: big-endian without leading zeros, zero as the empty string."""
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def encode_list(items: Iterable[bytes]) -> bytes:
    """A list of items that are encoded already."""
    body = b"".join(items)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, short: int) -> bytes:
    if length < 56:
        return bytes((short + length,))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((short + 55 + len(size),)) + size


SHORT, HASHED = 55, 32
OF_A_HASH = 0x80 + HASHED  # the first byte of a string of a hash's length


def decode_string(encoded: bytes) -> bytes:
    """The one string that this encodes. Raises Unverifiable."""
    is_list, begin, end = _header(encoded, 0)
    if is_list or end != len(encoded):
        raise Unverifiable("this is not the RLP of one string")
    return encoded[begin:end]


def decode_list(encoded: bytes) -> list[Decoded]:
    """The items of the one list that this encodes: strings, and lists of less than 32 bytes. Raises Unverifiable."""
    is_list, at, end = _header(encoded, 0)
    if not is_list or end != len(encoded):
        raise Unverifiable("this is not the RLP of one list")
    found: list[Decoded] = []
    while at < end:
        if encoded[at] == OF_A_HASH and at < end - HASHED:  # as nearly all items of a branch
            found.append(encoded[at + 1 : at + 1 + HASHED])
            at += 1 + HASHED
            continue
        nested, begin, stop = _header(encoded, at)
        if stop > end:
            raise Unverifiable("an RLP item is longer than its list")
        if nested and stop - at >= HASHED:
            raise Unverifiable("a node of a hash's length stands in its parent")
        found.append(decode_list(encoded[at:stop]) if nested else encoded[begin:stop])
        at = stop
    return found


def _header(data: bytes, at: int) -> tuple[bool, int, int]:
    """Of the item at this place: whether it is a list, and where its payload begins and ends."""
    if at >= len(data):
        raise Unverifiable("RLP ends too early")
    first = data[at]
    if first < 0x80:
        return False, at, at + 1
    is_list = first >= 0xC0
    length, begin = first - (0xC0 if is_list else 0x80), at + 1
    if length > SHORT:
        digits = data[begin : begin + length - SHORT]
        begin, short = begin + length - SHORT, len(digits) < length - SHORT
        length = int.from_bytes(digits, "big")
        if short or digits[0] == 0 or length <= SHORT:
            raise Unverifiable("RLP is not canonical")
    if begin + length > len(data):
        raise Unverifiable("RLP ends too early")
    if not is_list and length == 1 and data[begin] < 0x80:
        raise Unverifiable("RLP is not canonical")
    return is_list, begin, begin + length
