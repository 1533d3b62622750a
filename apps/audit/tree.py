"""The Merkle tree of RFC 6962 (and 9162): roots, proofs that something is in it or only grew, and its tiles.

Pure: hashes in, hashes out. A tile of level L >= 1 holds the hashes of 256 full subtrees of 256^L leaves, one after the
other; level 0 are the hashes of the leaves. Only full tiles are kept: what a tile that is not full would hold is
computed from the level below.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

LEAF, NODE = b"\x00", b"\x01"
HASH_BYTES = 32
# A tile spans eight levels of the binary tree.
TILE_BITS = 8
TILE_WIDTH = 1 << TILE_BITS
TILE_BYTES = TILE_WIDTH * HASH_BYTES
EMPTY_ROOT = sha256().digest()


class WrongProof(ValueError):
    """The proof does not show what it is said to show."""


class Nodes(Protocol):
    """Where hashes are kept."""

    def leaves(self, start: int, count: int) -> list[bytes]:
        """The hashes of `count` leaves from `start` on. Raises LookupError where there are fewer."""
        ...

    def tiles(self, level: int, start: int, count: int) -> list[bytes]:
        """Of `count` tiles of a level >= 1 from number `start` on, those kept before the first that is not."""
        ...


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile."""

    level: int
    number: int
    data: bytes


def leaf_hash(body: bytes) -> bytes:
    """The hash of one leaf."""
    return sha256(LEAF + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(NODE + left + right).digest()


def split_hashes(data: bytes) -> list[bytes]:
    """Hashes that stand one after the other."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root above leaf hashes, or above hashes of full subtrees of one height."""
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        above = list(map(node_hash, row[::2], row[1::2]))
        # An odd one out moves up as it is.
        row = [*above, row[-1]] if len(row) % 2 else above
    return row[0]


def subtrees(nodes: Nodes, level: int, start: int, count: int) -> list[bytes]:
    """The hashes of `count` full subtrees of 256^level leaves, from number `start` on. Raises LookupError."""
    if not count:
        return []
    if level == 0:
        return nodes.leaves(start, count)
    first, last = start >> TILE_BITS, (start + count - 1) >> TILE_BITS
    kept = split_hashes(b"".join(nodes.tiles(level, first, last - first + 1)))
    offset = start - (first << TILE_BITS)
    found = kept[offset : offset + count]
    missing = start + len(found)
    below = subtrees(nodes, level - 1, missing << TILE_BITS, (count - len(found)) << TILE_BITS)
    return found + [root_of(below[at : at + TILE_WIDTH]) for at in range(0, len(below), TILE_WIDTH)]


def range_root(nodes: Nodes, start: int, end: int) -> bytes:
    """The root above the leaves from `start` until before `end`; `start` is a multiple of what it can hold.

    That is so for every range that RFC 6962 divides a tree into. Raises LookupError where leaves are missing.
    """
    if start >= end:
        return EMPTY_ROOT
    peaks = [_full(nodes, at, bits) for at, bits in _peaks(start, end)]
    return _join(peaks)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size`. Raises ValueError, LookupError."""
    if not 0 <= index < size:
        raise ValueError("the leaf lies outside of the tree")
    return [range_root(nodes, *span) for span in reversed([*_siblings(index, size)])]


def consistency_proof(nodes: Nodes, first: int, second: int) -> list[bytes]:
    """The hashes that show the tree of `first` leaves to be the beginning of that of `second`.

    Empty where both are one, or the first is empty. Raises ValueError, LookupError.
    """
    if not 0 <= first <= second:
        raise ValueError("a tree does not become smaller")
    if first in {0, second}:
        return []
    return [range_root(nodes, *span) for span in _consistency_spans(first, second)]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root a proof leads to from a leaf's hash (RFC 9162, 2.1.3.2). Raises WrongProof for one of a wrong shape."""
    if not 0 <= index < size:
        raise WrongProof("the leaf lies outside of the tree")
    node, last, found = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            raise WrongProof("the proof is too long")
        if node & 1 or node == last:
            found = node_hash(beside, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        node, last = node >> 1, last >> 1
    if last:
        raise WrongProof("the proof is too short")
    return found


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise WrongProof unless the leaf is at `index` of the tree with this size and root."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise WrongProof("the proof leads to another root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Raise WrongProof unless the first tree is the beginning of the second (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        raise WrongProof("a tree does not become smaller")
    if first in {0, second}:
        if proof or (first == second and first_root != second_root) or (first == 0 and first_root != EMPTY_ROOT):
            raise WrongProof("the trees differ")
        return
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        raise WrongProof("the proof is too short")
    if _fold_consistency(first - 1, second - 1, path) != (first_root, second_root):
        raise WrongProof("the proof leads to other roots")


def _fold_consistency(node: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for beside in path[1:]:
        if last == 0:
            raise WrongProof("the proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, beside)
        node, last = node >> 1, last >> 1
    if last:
        raise WrongProof("the proof is too short")
    return old, new


@dataclass(slots=True)
class Growth:
    """A tree that grows at its right edge: how many leaves, the peaks above them, and the tiles not yet full.

    `peaks` holds the hashes of the full subtrees the leaves divide into, by their height; `edges` the entries of the
    tile that is not full, by its level.
    """

    size: int = 0
    peaks: dict[int, bytes] = field(default_factory=dict)
    edges: dict[int, list[bytes]] = field(default_factory=dict)

    @classmethod
    def load(cls, nodes: Nodes, size: int) -> "Growth":
        """The right edge of the first `size` leaves. Raises LookupError where some are missing."""
        made = cls(size, {bits: _full(nodes, at, bits) for at, bits in _peaks(0, size)})
        level = 1
        while number := size >> (TILE_BITS * level):
            start = number >> TILE_BITS << TILE_BITS
            made.edges[level] = subtrees(nodes, level, start, number - start)
            level += 1
        return made

    def copy(self) -> "Growth":
        """One that grows for itself."""
        return Growth(self.size, dict(self.peaks), {level: list(row) for level, row in self.edges.items()})

    def append(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Add the hashes of leaves; the tiles that became full."""
        full: list[Tile] = []
        row, bits = list(leaves), 0
        while row:
            if bits and bits % TILE_BITS == 0:
                full += self._fill(bits // TILE_BITS, row)
            if (waiting := self.peaks.pop(bits, None)) is not None:
                row.insert(0, waiting)
            if len(row) % 2:
                self.peaks[bits] = row.pop()
            row = list(map(node_hash, row[::2], row[1::2]))
            bits += 1
        self.size += len(leaves)
        return full

    def root(self) -> bytes:
        """The root above all leaves."""
        return _join([self.peaks[bits] for bits in sorted(self.peaks, reverse=True)])

    def _fill(self, level: int, entries: list[bytes]) -> Iterator[Tile]:
        edge = self.edges.setdefault(level, [])
        # How many tiles of this level were full before: all leaves below it are counted in `size`.
        number = self.size >> (TILE_BITS * (level + 1))
        edge += entries
        while len(edge) >= TILE_WIDTH:
            yield Tile(level, number, b"".join(edge[:TILE_WIDTH]))
            del edge[:TILE_WIDTH]
            number += 1


def _peaks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The full subtrees a range divides into, from the left: (first leaf, height)."""
    while start < end:
        bits = (end - start).bit_length() - 1
        yield start, bits
        start += 1 << bits


def _full(nodes: Nodes, start: int, bits: int) -> bytes:
    """The hash of the full subtree of that height that begins at a leaf."""
    level, rest = divmod(bits, TILE_BITS)
    return root_of(subtrees(nodes, level, start >> (TILE_BITS * level), 1 << rest))


def _join(peaks: Sequence[bytes]) -> bytes:
    """The root above full subtrees that become smaller to the right."""
    if not peaks:
        return EMPTY_ROOT
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node_hash(peak, found)
    return found


def _split(size: int) -> int:
    """The largest power of two below a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)


def _siblings(index: int, size: int) -> Iterator[tuple[int, int]]:
    """The ranges beside the way from the root down to a leaf."""
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield start, middle
            start = middle


def _consistency_spans(first: int, second: int) -> list[tuple[int, int]]:
    """The ranges of SUBPROOF (RFC 6962, 2.1.2), from the bottom up."""
    start, end, spans = 0, second, []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    # The old root itself is known to who asks.
    if start:
        spans.append((start, end))
    return spans[::-1]
