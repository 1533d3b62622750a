"""Sealed documents: what goes in comes out, any range of it, and nothing else ever does."""

import hashlib
import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.vault.documents.stream import (
    CHUNK,
    HEADER,
    SEALED_CHUNK,
    NotOpened,
    SealingReader,
    TooLarge,
    opened,
    stored_size,
)

KEY, BOUND = bytes(range(32)), b"document 1"
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17]


class Trickling(io.BytesIO):
    """A source that gives less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7000, size) if size and size > 0 else 7000)


def sealed(plain: bytes, key: bytes = KEY, bound_to: bytes = BOUND) -> bytes:
    return SealingReader(Trickling(plain), key, bound_to).readall()


def read(
    stored: bytes, size: int, start: int = 0, end: int | None = None, key: bytes = KEY, to: bytes = BOUND
) -> bytes:
    def open_at(place: int) -> io.BytesIO:
        return Trickling(stored[place:])

    return b"".join(opened(open_at, key, to, size, start, size if end is None else end))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_again(size: int) -> None:
    plain = os.urandom(size)
    reader = SealingReader(io.BytesIO(plain), KEY, BOUND)
    stored = reader.readall()
    assert len(stored) == stored_size(size)
    assert size < CHUNK - 1 or plain[:64] not in stored
    assert reader.measured is not None
    assert reader.measured.size == size
    assert reader.measured.content_sha256 == hashlib.sha256(plain).digest()
    assert reader.measured.stored_sha256 == hashlib.sha256(stored).digest()
    assert read(stored, size) == plain


@settings(deadline=None, max_examples=60)
@given(size=st.sampled_from(SIZES), data=st.data())
def test_any_range_is_what_it_is(size: int, data: st.DataObject) -> None:
    plain = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    assert read(sealed(plain), size, start, end) == plain[start:end]


@settings(deadline=None, max_examples=80)
@given(size=st.sampled_from(SIZES), data=st.data())
def test_a_flipped_bit_anywhere_is_refused(size: int, data: st.DataObject) -> None:
    stored = bytearray(sealed(bytes(size)))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotOpened):
        read(bytes(stored), size)


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_cut_document_is_refused_whatever_size_is_claimed(size: int) -> None:
    stored = sealed(bytes(size))
    for kept, claimed in ((len(stored) - 1, size), (len(stored) - 1, size - 1), (HEADER, 0)):
        with pytest.raises(NotOpened):
            read(stored[:kept], claimed)


def test_chunks_left_out_swapped_repeated_or_appended_are_refused() -> None:
    size = 4 * CHUNK
    stored = sealed(os.urandom(size))
    head, chunks = stored[:HEADER], [stored[HEADER + i * SEALED_CHUNK :][:SEALED_CHUNK] for i in range(4)]
    for order in ((1, 0, 2, 3), (0, 0, 2, 3), (0, 1, 3), (0, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3, 3)):
        with pytest.raises(NotOpened):
            read(head + b"".join(chunks[i] for i in order), len(order) * CHUNK)


def test_another_key_document_or_header_is_refused() -> None:
    plain = os.urandom(CHUNK + 5)
    stored, other = sealed(plain), sealed(plain)
    for tried in (
        lambda: read(stored, len(plain), key=bytes(32)),
        lambda: read(stored, len(plain), to=b"document 2"),
        lambda: read(other[:HEADER] + stored[HEADER:], len(plain)),
    ):
        with pytest.raises(NotOpened):
            tried()


def test_a_changed_chunk_outside_the_range_does_not_matter_and_inside_it_does() -> None:
    size = 3 * CHUNK
    stored = bytearray(sealed(bytes(size)))
    stored[-1] ^= 1
    assert read(bytes(stored), size, 0, CHUNK) == bytes(CHUNK)
    with pytest.raises(NotOpened):
        read(bytes(stored), size, 2 * CHUNK, 2 * CHUNK + 1)


def test_more_than_is_allowed_is_refused_as_soon_as_it_is_seen() -> None:
    source = io.BytesIO(bytes(10 * CHUNK))
    reader = SealingReader(source, KEY, BOUND, limit=2 * CHUNK)
    with pytest.raises(TooLarge):
        reader.readall()
    assert source.tell() <= 3 * CHUNK
    assert SealingReader(io.BytesIO(bytes(CHUNK)), KEY, BOUND, limit=CHUNK).readall()
