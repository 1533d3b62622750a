"""Merkle Patricia proofs of Ethereum's state, as eth_getProof (EIP-1186) serves them.

Of one trie many keys are proven: a node that many proofs share is hashed and read once. Keys are hashed (the tries of
accounts and of storage are "secure"), so all paths have 64 nibbles and no branch has a value of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from apps.chain.proofs.errors import Unverifiable
from apps.chain.rlp import Decoded, decode_list, decode_string

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
NIBBLES, HASH = 64, 32
STORAGE_ROOT, ACCOUNT_FIELDS = 2, 4


@dataclass(frozen=True, slots=True)
class _Node:
    """A branch (16 children, no `nibbles`), or an extension or leaf (one child: what is behind its nibbles)."""

    children: Sequence[Decoded]
    nibbles: str | None = None
    is_leaf: bool = False


@dataclass(slots=True)
class Trie:
    """What is proven of the trie of one root. `nodes` are the encoded nodes it took, by their hashes."""

    root: bytes
    nodes: dict[bytes, bytes] = field(default_factory=dict)
    _read: dict[str, tuple[bytes, _Node]] = field(default_factory=dict)

    def value(self, key: bytes, proof: Sequence[str]) -> bytes | None:
        """What is stored under a key, None where nothing is. `proof` are its nodes as 0x texts, the root's first.

        Raises Unverifiable unless they lead from the root to the value, or to its absence, and none is idle.
        """
        used = 0

        def served(wanted: bytes) -> _Node:
            nonlocal used
            if used == len(proof):
                raise Unverifiable("a proof ends before its value")
            found, node = self._known(proof[used])
            used += 1
            if found != wanted:
                raise Unverifiable("a node is not the one its parent names")
            return node

        found = _descend(self.root, keccak(key).hex(), served)
        if used != len(proof):
            raise Unverifiable("a proof has more nodes than it needs")
        return found

    def _known(self, text: str) -> tuple[bytes, _Node]:
        known = self._read.get(text)
        if known is None:
            raw = _raw(text)
            known = keccak(raw), _node(decode_list(raw))
            self.nodes[known[0]] = raw
            if not known[1].is_leaf:  # those are no other proof's
                self._read[text] = known
        return known


def path_to(root: bytes, key: bytes, fetch: Callable[[bytes], bytes]) -> list[bytes]:
    """The encoded nodes from a root to what is stored under a key, each fetched by its hash: the key's proof.

    Raises Unverifiable where a fetched node is not the one of that hash, and what `fetch` raises.
    """
    found: list[bytes] = []

    def fetched(wanted: bytes) -> _Node:
        raw = fetch(wanted)
        if keccak(raw) != wanted:
            raise Unverifiable("a node is not the one its parent names")
        found.append(raw)
        return _node(decode_list(raw))

    _descend(root, keccak(key).hex(), fetched)
    return found


def storage_root(account: bytes | None) -> bytes:
    """The root of an account's storage. Raises Unverifiable, also where there is no such account."""
    fields = decode_list(account) if account is not None else []
    if len(fields) != ACCOUNT_FIELDS:
        raise Unverifiable("there is no such account")
    root = fields[STORAGE_ROOT]
    if not isinstance(root, bytes) or len(root) != HASH:
        raise Unverifiable("an account is malformed")
    return root


def stored_number(value: bytes | None) -> int:
    """The number in a word of storage; 0 where nothing is stored. Raises Unverifiable."""
    if value is None:
        return 0
    digits = decode_string(value)
    if not 1 <= len(digits) <= HASH or digits[0] == 0:
        raise Unverifiable("a stored word is malformed")
    return int.from_bytes(digits, "big")


def _descend(root: bytes, path: str, open_node: Callable[[bytes], _Node]) -> bytes | None:
    """Follow a path; a node that is shorter than a hash stands in its parent."""
    if root == EMPTY_ROOT:
        return None
    child: Decoded = root
    at = 0
    while child:
        node = open_node(_hash(child)) if isinstance(child, bytes) else _node(child)
        if node.nibbles is None:
            if at == NIBBLES:
                raise Unverifiable("a branch stands below the end of the key")
            child = node.children[int(path[at], 16)]
            at += 1
            continue
        if not path.startswith(node.nibbles, at):
            return None
        at += len(node.nibbles)
        child = node.children[0]
        if node.is_leaf:
            return _value(child, at)
    return None


def _value(child: Decoded, at: int) -> bytes:
    if at != NIBBLES or not isinstance(child, bytes):
        raise Unverifiable("a leaf is not at the end of its key, or holds a list")
    return child


def _hash(child: bytes) -> bytes:
    if len(child) != HASH:
        raise Unverifiable("a node is named by something that is no hash")
    return child


def _node(items: Sequence[Decoded]) -> _Node:
    if len(items) == 17:
        return _Node(items[:16])
    if len(items) != 2:
        raise Unverifiable("a node has neither 2 nor 17 items")
    key = items[0]
    if not isinstance(key, bytes) or not key or key[0] >> 4 > 3:
        raise Unverifiable("a node's part of the key is malformed")
    digits, flag = key.hex(), key[0] >> 4
    if not flag & 1 and digits[1] != "0":
        raise Unverifiable("a node's part of the key is malformed")
    return _Node(items[1:], digits[1:] if flag & 1 else digits[2:], flag >= 2)


def _raw(text: str) -> bytes:
    """The bytes of a 0x text. Raises Unverifiable unless it is hexadecimal throughout (`fromhex` skips spaces)."""
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        raise Unverifiable("a node is no hexadecimal text") from None
    if text[:2] != "0x" or len(text) != 2 + 2 * len(raw):
        raise Unverifiable("a node is no hexadecimal text")
    return raw
