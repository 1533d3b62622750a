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
_BODY = _HEADER.size + NONCE


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


def seal(key: Key, plain: bytes, aad_parts: Iterable[bytes]) -> bytes:
    """`plain` encrypted under `key`, OVERHEAD bytes longer. Raises ValueError above LARGEST_PLAIN bytes."""
    if len(plain) > LARGEST_PLAIN:
        raise ValueError("too long to be sealed in one piece")
    header = _HEADER.pack(MAGIC, VERSION, AES_256_GCM, key.kek_id, key.id.bytes)
    nonce = os.urandom(NONCE)
    return header + nonce + key.cipher.encrypt(nonce, plain, _aad(header, aad_parts))


def open_sealed(key: Key, sealed: bytes, aad_parts: Iterable[bytes]) -> bytes:
    """What was sealed with the same key and parts. Raises NotOpened."""
    if read_header(sealed).dek_id != key.id:
        raise NotOpened("sealed under another key")
    aad = _aad(sealed[: _HEADER.size], aad_parts)
    try:
        return key.cipher.decrypt(sealed[_HEADER.size : _BODY], sealed[_BODY:], aad)
    except InvalidTag:
        raise NotOpened("changed, or bound to something else") from None


def read_header(sealed: bytes) -> Header:
    """The ids in the header, which nothing vouches for until the value is opened. Raises NotOpened."""
    if len(sealed) < OVERHEAD:
        raise NotOpened("too short")
    magic, version, algorithm, kek_id, dek_id = _HEADER.unpack_from(sealed)
    if (magic, version, algorithm) != (MAGIC, VERSION, AES_256_GCM):
        raise NotOpened("not of a known format")
    return Header(kek_id, UUID(bytes=dek_id))


def _aad(header: bytes, parts: Iterable[bytes]) -> bytes:
    pieces = [header]
    for part in parts:
        pieces += (_LENGTH.pack(len(part)), part)
    return b"".join(pieces)
