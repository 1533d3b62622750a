"""The format of everything encrypted at rest, version 1, and its two operations. Knows no Django.

    magic (1) | version (1) | algorithm (1) | KEK id (4) | DEK id (16) | nonce (12) | ciphertext | tag (16)

Integers are big-endian. AES-256-GCM under a 96-bit random nonce. What is authenticated beside the text, and so must be
the same when it is opened: the header up to the nonce, and the caller's parts (which table, column and row this is),
each with its length before it, so that no two sequences of parts read alike.
"""

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC, VERSION, AES_256_GCM = 0xBE, 1, 1
_HEADER = struct.Struct(">BBBI16s")
_LENGTH = struct.Struct(">I")
NONCE, TAG = 12, 16
OVERHEAD = _HEADER.size + NONCE + TAG
LARGEST_PLAIN = 2**31 - 1 - OVERHEAD
_HEAD = _HEADER.size
_BODY = _HEAD + NONCE
_KNOWN = bytes([MAGIC, VERSION, AES_256_GCM])
DEK = slice(7, 23)
LENGTH_OF_UUID = _LENGTH.pack(16)


class NotOpened(Exception):
    """Not of this format, changed, bound to something else, or sealed under another key. Says nothing of the text."""


class Key(Protocol):
    """What seals: a data key, its id, and the id of the purpose key that it was wrapped under."""

    @property
    def id(self) -> UUID: ...
    @property
    def kek_id(self) -> int: ...
    @property
    def cipher(self) -> AESGCM: ...


@dataclass(frozen=True, slots=True)
class Header:
    """Which keys a sealed value needs."""

    kek_id: int
    dek_id: UUID


def bind(parts: Iterable[bytes]) -> bytes:
    """Each part with its length before it. Two results joined are that of all their parts together."""
    return b"".join([_LENGTH.pack(len(part)) + part for part in parts])


def seal(key: Key, plain: bytes, aad_parts: Iterable[bytes]) -> bytes:
    """`plain` encrypted under `key`, OVERHEAD bytes longer. Raises ValueError above LARGEST_PLAIN bytes."""
    return seal_bound(key, plain, bind(aad_parts))


def seal_bound(key: Key, plain: bytes, bound: bytes) -> bytes:
    """The same for parts that bind() has joined."""
    if len(plain) > LARGEST_PLAIN:
        raise ValueError("too long to be sealed in one piece")
    header = _header(key.kek_id, key.id.int)
    nonce = os.urandom(NONCE)
    return header + nonce + key.cipher.encrypt(nonce, plain, header + bound)


@lru_cache(maxsize=1024)
def _header(kek_id: int, dek_id: int) -> bytes:
    return _HEADER.pack(MAGIC, VERSION, AES_256_GCM, kek_id, dek_id.to_bytes(16, "big"))


def open_sealed(key: Key, sealed: bytes, aad_parts: Iterable[bytes]) -> bytes:
    """What was sealed with the same key and parts. Raises NotOpened."""
    return open_bound(key, sealed, bind(aad_parts))


def open_bound(key: Key, sealed: bytes, bound: bytes) -> bytes:
    """The same for parts that bind() has joined."""
    if dek_of(sealed) != key.id.int.to_bytes(16, "big"):
        raise NotOpened("sealed under another key")
    return open_under(key.cipher, sealed, bound)


def open_under(cipher: AESGCM, sealed: bytes, bound: bytes) -> bytes:
    """The same under the cipher of the key that dek_of(sealed) named."""
    try:
        return cipher.decrypt(sealed[_HEAD:_BODY], sealed[_BODY:], sealed[:_HEAD] + bound)
    except (InvalidTag, ValueError):  # the latter of one cut within its nonce
        raise NotOpened("changed, or bound to something else") from None


def dek_of(sealed: bytes) -> bytes:
    """The 16 bytes of the data key's id, which nothing vouches for until the value is opened. Raises NotOpened."""
    if len(sealed) < OVERHEAD:
        raise NotOpened("too short")
    if sealed[:3] != _KNOWN:
        raise NotOpened("not of a known format")
    return sealed[DEK]


def read_header(sealed: bytes) -> Header:
    """Both ids in the header. Raises NotOpened."""
    dek_id = dek_of(sealed)
    return Header(_HEADER.unpack_from(sealed)[3], UUID(bytes=dek_id))
