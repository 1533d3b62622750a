"""The Merkle tree, beside the text of RFC 6962 written down as it stands, and vectors of other implementations."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit import tree
from apps.audit.tree import Growth, Tile, WrongProof

# Leaves, roots and proofs that the first implementation of RFC 6962 published, and all others are measured by.
BODIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
N01 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
N67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
L1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
L4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
INCLUSION = [
    (0, 1, []),
    (0, 8, [L1, N01, N47]),
    (5, 8, [L4, N67, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], N01, L4]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [L1, N01, N47]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", N67, ROOTS[3]]),
    (2, 5, [N01, L4]),
]


class Memory:
    """Hashes in lists, and the tiles that a growth gave."""

    def __init__(self, leaves: list[bytes], tiles: list[Tile] | None = None) -> None:
        self._leaves = leaves
        self._tiles = {(tile.level, tile.number): tile.data for tile in tiles or []}
        self.read = 0

    def leaves(self, start: int, count: int) -> list[bytes]:
        if start + count > len(self._leaves):
            raise LookupError("no such leaf")
        self.read += count
        return self._leaves[start : start + count]

    def tiles(self, level: int, start: int, count: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < count and (data := self._tiles.get((level, start + len(found)))):
            found.append(data)
        return found


def many(count: int) -> list[bytes]:
    return [sha256(b"leaf %d" % number).digest() for number in range(count)]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH(D[n]), RFC 6962, 2.1, over the leaves' hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]), 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_proof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


class TestPublishedVectors:
    leaves = tuple(tree.leaf_hash(bytes.fromhex(body)) for body in BODIES)

    def test_the_empty_tree_has_the_hash_of_nothing(self) -> None:
        assert tree.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    def test_roots(self) -> None:
        for size, root in enumerate(ROOTS, 1):
            grown = Growth()
            grown.append(self.leaves[:size])
            assert tree.root_of(self.leaves[:size]).hex() == grown.root().hex() == root

    @pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
    def test_inclusion(self, index: int, size: int, path: list[str]) -> None:
        proof = tree.inclusion_proof(Memory([*self.leaves]), index, size)
        assert [one.hex() for one in proof] == path
        tree.verify_inclusion(self.leaves[index], index, size, proof, bytes.fromhex(ROOTS[size - 1]))

    @pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
    def test_consistency(self, first: int, second: int, path: list[str]) -> None:
        proof = tree.consistency_proof(Memory([*self.leaves]), first, second)
        assert [one.hex() for one in proof] == path
        tree.verify_consistency(first, second, proof, bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1]))


class TestEverySmallTree:
    def test_gives_every_proof_as_the_rfc_writes_it(self) -> None:
        leaves = many(34)
        nodes = Memory(leaves)
        for size in range(1, len(leaves) + 1):
            root = naive_root(leaves[:size])
            assert tree.range_root(nodes, 0, size) == tree.root_of(leaves[:size]) == root
            for index in range(size):
                path = tree.inclusion_proof(nodes, index, size)
                assert path == naive_path(index, leaves[:size])
                tree.verify_inclusion(leaves[index], index, size, path, root)
            for first in range(size + 1):
                proof = tree.consistency_proof(nodes, first, size)
                assert proof == (naive_proof(first, leaves[:size]) if first else [])
                tree.verify_consistency(first, size, proof, naive_root(leaves[:first]), root)

    @given(st.integers(1, 600), st.data())
    def test_refuses_a_proof_of_anything_else(self, size: int, data: st.DataObject) -> None:
        leaves = many(size)
        nodes = Memory(leaves)
        index = data.draw(st.integers(0, size - 1))
        proof, root = tree.inclusion_proof(nodes, index, size), naive_root(leaves)
        other = bytes([leaves[index][0] ^ 1]) + leaves[index][1:]
        wrong = [(other, index, size, proof), (leaves[index], index, size, [*proof, other])]
        wrong += [(leaves[index], other_index, size, proof) for other_index in {size, -1, index ^ 1} - {index}]
        if proof:
            place = data.draw(st.integers(0, len(proof) - 1))
            wrong.append((leaves[index], index, size, proof[:-1]))
            wrong.append((leaves[index], index, size, [*proof[:place], other, *proof[place + 1 :]]))
        for leaf, at, of, path in wrong:
            with pytest.raises(WrongProof):
                tree.verify_inclusion(leaf, at, of, path, root)

    @given(st.integers(1, 600), st.data())
    def test_refuses_a_history_that_was_rewritten(self, second: int, data: st.DataObject) -> None:
        leaves = many(second)
        first = data.draw(st.integers(1, second))
        proof, root = tree.consistency_proof(Memory(leaves), first, second), naive_root(leaves)
        old = naive_root(leaves[:first])
        rewritten = naive_root([*leaves[: first - 1], b"\x00" * 32])
        wrong = [(first, second, proof, rewritten, root), (first, second, [*proof, root], old, root)]
        wrong += [(first, second, proof[:-1], old, root)] if proof else []
        wrong += [(second + 1, second, proof, old, root), (-1, second, proof, old, root)]
        wrong += [(first, second, proof, old, rewritten)]
        for arguments in wrong:
            with pytest.raises(WrongProof):
                tree.verify_consistency(*arguments)

    def test_refuses_proofs_of_what_it_has_not(self) -> None:
        nodes = Memory(many(5))
        for index, size in ((5, 5), (-1, 5), (0, 0)):
            with pytest.raises(ValueError, match="outside"):
                tree.inclusion_proof(nodes, index, size)
        for first, second in ((4, 3), (-1, 3)):
            with pytest.raises(ValueError, match="smaller"):
                tree.consistency_proof(nodes, first, second)
        with pytest.raises(LookupError):
            tree.inclusion_proof(nodes, 0, 6)


class TestGrowth:
    @given(st.lists(st.integers(0, 700), max_size=6))
    def test_in_batches_is_growth_at_once(self, batches: list[int]) -> None:
        leaves, grown, tiles = many(sum(batches)), Growth(), []
        for batch in batches:
            tiles += grown.append(leaves[grown.size : grown.size + batch])
        assert grown.size == len(leaves)
        assert grown.root() == naive_root(leaves)
        loaded = Growth.load(Memory(leaves, tiles), len(leaves))
        assert (loaded.size, loaded.peaks) == (grown.size, grown.peaks)
        assert {k: v for k, v in loaded.edges.items() if v} == {k: v for k, v in grown.edges.items() if v}

    def test_gives_each_tile_once_when_it_is_full(self) -> None:
        leaves, grown, tiles = many(140_000), Growth(), []
        for start in range(0, len(leaves), 9_999):
            tiles += grown.append(leaves[start : start + 9_999])
        assert [(tile.level, tile.number) for tile in tiles] == [(1, 0), (1, 1)]
        for tile in tiles:
            start = tile.number * 65_536
            below = [naive_root(leaves[at : at + 256]) for at in range(start, start + 65_536, 256)]
            assert tree.split_hashes(tile.data) == below
        assert len(tiles[0].data) == tree.TILE_BYTES

    def test_proofs_read_tiles_in_place_of_leaves(self) -> None:
        leaves, grown = many(140_000), Growth()
        nodes = Memory(leaves, grown.append(leaves))
        proof = tree.inclusion_proof(nodes, 70_000, 131_072)
        assert nodes.read == 255  # its 255 neighbours, in eight reads
        tree.verify_inclusion(leaves[70_000], 70_000, 131_072, proof, naive_root(leaves[:131_072]))
        proof = tree.inclusion_proof(nodes, 139_999, 140_000)
        tree.verify_inclusion(leaves[-1], 139_999, 140_000, proof, grown.root())
        old = naive_root(leaves[:65_537])
        tree.verify_consistency(65_537, 140_000, tree.consistency_proof(nodes, 65_537, 140_000), old, grown.root())

    def test_fills_tiles_of_tiles(self) -> None:
        """Of 2^24 leaves: the first 255 subtrees of 65,536 are made up, the last one grows."""
        made_up = many(255)
        peaks = {bits: tree.root_of(made_up[256 - (2 << n) : 256 - (1 << n)]) for n, bits in enumerate(range(16, 24))}
        grown = Growth(255 << 16, peaks, {1: [], 2: list(made_up)})
        last = many(65_536)
        first, second = grown.append(last)
        assert (first.level, first.number) == (1, 255)
        assert (second.level, second.number) == (2, 0)
        assert tree.split_hashes(second.data) == [*made_up, naive_root(last)]
        assert grown.peaks == {24: tree.root_of([*made_up, naive_root(last)])}
        nodes = Memory([], [first, second])
        assert tree.range_root(nodes, 0, 1 << 24) == grown.root()
        assert tree.subtrees(nodes, 3, 0, 1) == [grown.root()]

    def test_of_a_copy_leaves_the_first_as_it_was(self) -> None:
        grown = Growth()
        grown.append(many(300))
        copy = grown.copy()
        copy.append(many(300))
        assert (grown.size, copy.size) == (300, 600)
        assert grown.root() == naive_root(many(300))
        assert len(grown.edges[1]) == 1
