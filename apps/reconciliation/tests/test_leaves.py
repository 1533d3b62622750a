"""The tree of positions, against RFC 9162 in words and against the verifier's own reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.testing.local_chain import hx
from apps.reconciliation.leaves import EMPTY, LEAF, Leaf, find, pack, tree_of
from apps.reconciliation.tests.proving import path_of
from apps.reconciliation.tests.proving import tree_of as defined
from apps.reconciliation.verifier import position_leaf, root_by_path

NUMBERS = st.integers(0, 2**256 - 1)


def leaves_of(count: int) -> list[Leaf]:
    return [Leaf(hx(7 * number + 3), number, 2**200 + number) for number in range(count)]


class TestTheTree:
    @given(st.integers(1, 70))
    def test_has_the_root_and_the_paths_of_the_definition(self, count: int) -> None:
        leaves = leaves_of(count)
        hashes = [position_leaf(leaf.wallet, leaf.booked, leaf.units) for leaf in leaves]
        tree = tree_of(pack(leaves))
        assert tree.root == defined(hashes)
        for index in range(count):
            assert tree.path(index) == path_of(hashes, index)
            assert root_by_path(hashes[index], index, count, tree.path(index)) == tree.root

    def test_of_nothing_has_the_root_of_no_bytes(self) -> None:
        assert tree_of(b"").root == EMPTY
        assert EMPTY.hex().startswith("e3b0c442")


class TestLeaves:
    @given(
        st.lists(
            st.builds(Leaf, st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()), NUMBERS, NUMBERS),
            unique_by=lambda leaf: leaf.wallet,
        )
    )
    def test_are_found_by_their_wallets(self, leaves: list[Leaf]) -> None:
        packed = pack(sorted(leaves))
        assert len(packed) == LEAF * len(leaves)
        for index, leaf in enumerate(sorted(leaves)):
            assert find(packed, leaf.wallet) == (index, leaf)

    @pytest.mark.parametrize("wallet", [hx(0), hx(4), hx(11), "0x" + "ff" * 20])
    def test_of_other_wallets_are_not(self, wallet: str) -> None:
        assert find(pack(leaves_of(5)), wallet) is None
        assert find(b"", wallet) is None

    def test_too_large_for_a_word_are_refused(self) -> None:
        with pytest.raises(OverflowError):
            pack([Leaf(hx(1), 2**256, 0)])
        with pytest.raises(OverflowError):
            pack([Leaf(hx(1), -1, 0)])
