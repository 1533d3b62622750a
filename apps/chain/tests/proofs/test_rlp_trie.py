"""RLP and the ordered trie, against the library and against the definition."""

import rlp
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from rlp.sedes import big_endian_int

from apps.chain.proofs.trie import ordered_root
from apps.chain.rlp import encode_bytes, encode_int, encode_list

strings = st.binary(max_size=70) | st.sampled_from([b"", b"\0", b"\x7f", b"\x80", b"x" * 55, b"x" * 56, b"x" * 70_000])
trees = st.recursive(strings, lambda inner: st.lists(inner, max_size=6), max_leaves=30)
values = st.lists(st.binary(min_size=1, max_size=90), max_size=300)

Tree = bytes | list["Tree"]


def encoded(tree: Tree) -> bytes:
    return encode_bytes(tree) if isinstance(tree, bytes) else encode_list(encoded(each) for each in tree)


class TestRlp:
    @given(trees)
    def test_writes_any_tree_as_the_library_does(self, tree: Tree) -> None:
        assert encoded(tree) == rlp.encode(tree)

    @given(st.integers(min_value=0, max_value=2**256))
    def test_writes_integers_without_leading_zeros(self, number: int) -> None:
        assert encode_int(number) == rlp.encode(number, big_endian_int)


def defined_root(entries: dict[bytes, bytes]) -> bytes:
    """The root by the Yellow Paper's definition (appendix D), entry by entry, on the library's RLP."""
    paths = {tuple(nibble for byte in key for nibble in divmod(byte, 16)): value for key, value in entries.items()}
    return keccak(rlp.encode(structure(paths)) if paths else rlp.encode(b""))


def structure(paths: dict[tuple[int, ...], bytes]) -> Tree:
    """c(J, i) of the definition, with the prefix already taken off every path."""
    if len(paths) == 1:
        ((path, value),) = paths.items()
        return [hex_prefix(path, leaf=True), value]
    shared = 0
    while len({path[: shared + 1] for path in paths}) == 1:
        shared += 1
    if shared:
        one = next(iter(paths))[:shared]
        return [hex_prefix(one, leaf=False), capped({path[shared:]: value for path, value in paths.items()})]
    branches = [{path[1:]: value for path, value in paths.items() if path[:1] == (at,)} for at in range(16)]
    return [*(capped(branch) if branch else b"" for branch in branches), paths.get((), b"")]


def capped(paths: dict[tuple[int, ...], bytes]) -> Tree:
    node = structure(paths)
    text = rlp.encode(node)
    return node if len(text) < 32 else keccak(text)


def hex_prefix(path: tuple[int, ...], *, leaf: bool) -> bytes:
    odd = len(path) % 2
    nibbles = (2 * leaf + odd, *(() if odd else (0,)), *path)
    return bytes(high * 16 + low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))


class TestOrderedRoot:
    @settings(max_examples=40)
    @given(values)
    def test_is_that_of_the_definition(self, items: list[bytes]) -> None:
        entries = {rlp.encode(index, big_endian_int): item for index, item in enumerate(items)}
        assert ordered_root(items) == defined_root(entries)

    def test_of_nothing_is_the_empty_root_of_every_chain(self) -> None:
        assert ordered_root([]).hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"

    @settings(max_examples=20)
    @given(st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=140, unique=True), st.data())
    def test_differs_for_another_order_or_a_missing_item(self, items: list[bytes], data: st.DataObject) -> None:
        at = data.draw(st.integers(min_value=0, max_value=len(items) - 2))
        swapped = [*items[:at], items[at + 1], items[at], *items[at + 2 :]]
        shorter = items[:at] + items[at + 1 :]
        assert len({ordered_root(each) for each in (items, swapped, shorter)}) == 3
