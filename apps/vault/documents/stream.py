"""The format of an encrypted document, version 1: sealed and opened piece by piece. Knows no Django.

    magic (1) | version (1) | algorithm (1) | log2 of the chunk size (1) | prefix (7) | chunks

A chunk is AES-256-GCM of at most 64 KiB under the document's own key; its nonce is prefix (7) | index (4) | last (1),
as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015): a chunk that is changed, moved, repeated, left out or cut off
at the end does not open. Every chunk vouches for the header and for what the document is bound to. An empty document
has one empty chunk.
"""

import hashlib
import io
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC, VERSION, AES_256_GCM = 0xBD, 1, 1
_START = struct.Struct(">BBBB7s")
_NONCE = struct.Struct(">7sI?")
HEADER, PREFIX, TAG, KEY = _START.size, 7, 16, 32
CHUNK_BITS = 16
CHUNK = 1 << CHUNK_BITS
SEALED_CHUNK = CHUNK + TAG
MOST_CHUNKS = 2**32
LARGEST = MOST_CHUNKS * CHUNK


class NotOpened(Exception):
    """Not of this format, changed, cut, bound to something else, or sealed under another key."""


class TooLarge(Exception):
    """More bytes than the caller allows."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was sealed: bytes and SHA-256 of the document, SHA-256 of what is stored."""

    size: int
    content_sha256: bytes
    stored_sha256: bytes


def stored_size(size: int) -> int:
    """Bytes that a document of `size` bytes takes."""
    return HEADER + size + TAG * chunks_of(size)


def chunks_of(size: int) -> int:
    """How many chunks a document of `size` bytes has."""
    return max(1, -(-size // CHUNK))


class SealingReader(io.RawIOBase):
    """Reads `content` and gives it sealed, never more than a chunk in memory. `measured` once it is read to its end."""

    def __init__(self, content: BinaryIO, key: bytes, bound_to: bytes, limit: int = LARGEST) -> None:
        super().__init__()
        self._content, self._cipher, self._limit = content, AESGCM(key), min(limit, LARGEST)
        self._header = _START.pack(MAGIC, VERSION, AES_256_GCM, CHUNK_BITS, os.urandom(PREFIX))
        self._aad = self._header + bound_to
        self._plain_hash, self._stored_hash = hashlib.sha256(), hashlib.sha256()
        self._index = self._size = 0
        self._ahead: bytes | None = None
        self._ready = memoryview(self._header)
        self._stored_hash.update(self._header)
        self.measured: Measured | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Raises TooLarge."""
        if not self._ready and self.measured is None:
            self._ready = memoryview(self._next_chunk())
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _next_chunk(self) -> bytes:
        plain = self._take() if self._ahead is None else self._ahead
        self._ahead = self._take() if len(plain) == CHUNK else b""
        last = not self._ahead
        sealed = self._cipher.encrypt(_nonce(self._header, self._index, last=last), plain, self._aad)
        self._index += 1
        self._size += len(plain)
        self._plain_hash.update(plain)
        self._stored_hash.update(sealed)
        if last:
            self.measured = Measured(self._size, self._plain_hash.digest(), self._stored_hash.digest())
        return sealed

    def _take(self) -> bytes:
        """The next chunk's bytes, whole unless the content ends; sources may give less than they are asked for."""
        parts, missing = [], CHUNK
        while missing and (part := self._content.read(missing)):
            parts.append(part)
            missing -= len(part)
        taken = b"".join(parts)
        self._limit -= len(taken)
        if self._limit < 0:
            raise TooLarge
        return taken


# Gives what is stored from a place on; it may give more than is read.
OpenAt = Callable[[int], BinaryIO]


def opened(open_at: OpenAt, key: bytes, bound_to: bytes, size: int, start: int, end: int) -> Iterator[bytes]:
    """Bytes `start` to `end` (exclusive) of a document of `size` bytes, in pieces; each is checked before it is given.

    0 <= start <= end <= size. Raises NotOpened, also where the document is not of this size.
    """
    with open_at(0) as head:
        header = _exactly(head, HEADER)
    _require_known(header)
    cipher, aad, last = AESGCM(key), header + bound_to, chunks_of(size) - 1
    first, until = min(start // CHUNK, last), min(max(end - 1, start) // CHUNK, last)
    with open_at(HEADER + first * SEALED_CHUNK) as stored:
        for index in range(first, until + 1):
            plain_size = size - last * CHUNK if index == last else CHUNK
            sealed = _exactly(stored, plain_size + TAG)
            try:
                plain = cipher.decrypt(_nonce(header, index, last=index == last), sealed, aad)
            except InvalidTag:
                raise NotOpened("changed, or not where it belongs") from None
            begin = index * CHUNK
            if piece := plain[max(start - begin, 0) : end - begin]:
                yield piece


def _require_known(header: bytes) -> None:
    if _START.unpack(header)[:4] != (MAGIC, VERSION, AES_256_GCM, CHUNK_BITS):
        raise NotOpened("not of a known format")


def _nonce(header: bytes, index: int, *, last: bool) -> bytes:
    return _NONCE.pack(header[-PREFIX:], index, last)


def _exactly(stored: BinaryIO, count: int) -> bytes:
    """The next `count` bytes. Raises NotOpened where there are fewer."""
    parts, missing = [], count
    while missing:
        part = stored.read(missing)
        if not part:
            raise NotOpened("cut short")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
