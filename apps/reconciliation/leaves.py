"""Positions as leaves of a Merkle tree (RFC 9162, 2.1, SHA-256), and as the bytes they are kept in. Pure.

A leaf is a wallet's 20 bytes, then 32 bytes of base units in the books and 32 of base units on the chain, big-endian.
Leaves are sorted by wallet. Hashed are a zero byte and the leaf, and a one byte and two hashes: as verifier.py does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

WALLET, NUMBER = 20, 32
LEAF = WALLET + 2 * NUMBER
EMPTY = sha256(b"").digest()


@dataclass(frozen=True, slots=True, order=True)
class Leaf:
    """A position: base units `booked` in the books, and `units` on the chain."""

    wallet: str
    booked: int
    units: int


def pack(leaves: Iterable[Leaf]) -> bytes:
    """The leaves, one behind the other, in the order given."""
    return b"".join(
        [
            bytes.fromhex(leaf.wallet[2:]) + leaf.booked.to_bytes(NUMBER, "big") + leaf.units.to_bytes(NUMBER, "big")
            for leaf in leaves
        ]
    )


def find(packed: bytes, wallet: str) -> tuple[int, Leaf] | None:
    """A wallet's place among sorted leaves, and its leaf; None where it has none."""
    wanted, first, last = bytes.fromhex(wallet[2:]), 0, len(packed) // LEAF
    while first < last:
        middle = (first + last) // 2
        if packed[middle * LEAF : middle * LEAF + WALLET] < wanted:
            first = middle + 1
        else:
            last = middle
    at = first * LEAF
    if packed[at : at + WALLET] != wanted:
        return None
    booked, units = (
        int.from_bytes(packed[begin : begin + NUMBER], "big") for begin in (at + WALLET, at + LEAF - NUMBER)
    )
    return first, Leaf(wallet, booked, units)


@dataclass(frozen=True, slots=True)
class Tree:
    """The hashes of a tree, level by level, its leaves' first."""

    levels: Sequence[Sequence[bytes]]

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self.levels[-1][0] if self.levels[-1] else EMPTY

    def path(self, index: int) -> list[bytes]:
        """The inclusion path of a leaf (RFC 9162, 2.1.3.1), from below."""
        found = []
        for level in self.levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                found.append(level[beside])
            index //= 2
        return found


def tree_of(packed: bytes) -> Tree:
    """The tree over packed leaves."""
    level = [sha256(b"\0" + packed[at : at + LEAF]).digest() for at in range(0, len(packed), LEAF)]
    levels = [level]
    while len(level) > 1:
        # The last of an odd number goes up as it is: that is the tree RFC 9162 splits at powers of two.
        above = [sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(level) & ~1 :]
        levels.append(level)
    return Tree(levels)
