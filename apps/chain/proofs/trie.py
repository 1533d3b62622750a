"""The root of an ordered trie (Yellow Paper, appendix D): how a header names its receipts and its transactions.

Built in one pass over sorted keys, without a database: the keys rlp(0), rlp(1), .. are prefix-free, so no branch
ever holds a value of its own.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

from apps.chain.rlp import EMPTY, encode_bytes, encode_int, encode_list

HASHED = 32  # a node of so many bytes or more stands in its parent by its hash

Entry = tuple[str, bytes]  # the key's nibbles as hex digits, the value


def ordered_root(values: Sequence[bytes]) -> bytes:
    """The root, of 32 bytes, of the trie that maps rlp(index) to the value at that index."""
    if not values:
        return keccak(EMPTY)
    entries = sorted((encode_int(index).hex(), value) for index, value in enumerate(values))
    return keccak(_node(entries, 0))


def _node(entries: Sequence[Entry], depth: int) -> bytes:
    """The node over sorted entries whose keys agree in their first `depth` nibbles."""
    first = entries[0][0]
    if len(entries) == 1:
        return encode_list((encode_bytes(_path(first[depth:], leaf=True)), encode_bytes(entries[0][1])))
    last, fork = entries[-1][0], depth
    while first[fork] == last[fork]:
        fork += 1
    if fork > depth:
        return encode_list((encode_bytes(_path(first[depth:fork], leaf=False)), _reference(_node(entries, fork))))
    return _branch(entries, depth)


def _branch(entries: Sequence[Entry], depth: int) -> bytes:
    slots = [EMPTY] * 17
    start = 0
    while start < len(entries):
        nibble, end = entries[start][0][depth], start + 1
        while end < len(entries) and entries[end][0][depth] == nibble:
            end += 1
        slots[int(nibble, 16)] = _reference(_node(entries[start:end], depth + 1))
        start = end
    return encode_list(slots)


def _reference(node: bytes) -> bytes:
    return node if len(node) < HASHED else b"\xa0" + keccak(node)


def _path(nibbles: str, *, leaf: bool) -> bytes:
    """The hex-prefix encoding: a flag nibble that tells leaf and odd, padded to whole bytes."""
    odd = len(nibbles) % 2
    return bytes.fromhex(f"{2 * leaf + odd}{'' if odd else '0'}{nibbles}")
