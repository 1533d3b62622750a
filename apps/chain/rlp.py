"""Recursive Length Prefix (Yellow Paper, appendix B), the writing side: bytes in, bytes out.

Lists are given as items already encoded, so that a caller joins long texts once.
"""

from collections.abc import Iterable

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
