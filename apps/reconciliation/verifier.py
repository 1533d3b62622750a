"""Check the proof of one position offline: `python -I verifier.py PROOF --block-hash HASH`.

One file, the standard library and `pycryptodome`; it imports nothing of Bookentry. The block hash comes from a node or
an explorer that you trust: from there on nobody is. Whoever made the proof can refuse to make one, and nothing else.

block hash -> header (Keccak-256 of its RLP) -> state root -> the token's account -> its storage root -> the holder's
balance, by Merkle Patricia proofs as `eth_getProof` (EIP-1186) returns them. Besides, the statement of the run is
signed (Ed25519), and the position is a leaf of the Merkle tree (RFC 9162, SHA-256) that the statement names.

A proof is one line of canonical JSON: any byte that differs is refused.
Exit status: 0 proven, 2 usage, 3 refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from Crypto.Hash import keccak
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

if TYPE_CHECKING:
    from collections.abc import Sequence

PROVEN, USAGE, REFUSED = 0, 2, 3
FORMAT, SIGNED = "bookentry.position/1", b"bookentry.attestation/1\n"
MOST_BYTES = 4_000_000
OBJECTS, LISTS = 4, 3  # that a proof consists of; no text in it has a bracket
MOST_NODES = 65  # one for each nibble of a key, and the leaf
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
# Of an RLP list: (True, its encoding) for a list in it, (False, its payload) for a string.
Item = tuple[bool, bytes]
NOTHING: Item = (False, b"")
EMPTY_STRING, OF_A_HASH = 0x80, 0xA0  # first bytes of what nearly all items of a node are
# A branch with all its sixteen children: a list of 529 bytes, sixteen hashes and no value.
FULL, FULL_BRANCH, FULL_ITEMS = 532, b"\xf9\x02\x11", b"\xa0" * 16 + b"\x80"
STATE_ROOT, NUMBER = 3, 8  # places in a header
STORAGE_ROOT = 2  # place in an account

HASH, ADDRESS, BYTES = re.compile(r"0x[0-9a-f]{64}"), re.compile(r"0x[0-9a-f]{40}"), re.compile(r"0x(?:[0-9a-f]{2})+")
UNITS, HEX32, HEX64 = re.compile(r"0|[1-9][0-9]{0,77}"), re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")
STATEMENT = {
    "balances_slot": HASH,
    "block_hash": HASH,
    "block_number": int,
    "breaks": int,
    "chain_id": int,
    "decimals": int,
    "isin": re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]"),
    "issued_at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
    "ledger_sequence": int,
    "positions": int,
    "positions_root": HEX32,
    "run_id": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "state_root": HASH,
    "status": re.compile(r"CLEAN|BREAKS"),
    "supply": UNITS,
    "token": ADDRESS,
}
POSITION = {"booked": UNITS, "holder": ADDRESS, "index": int, "units": UNITS}
SIGNATURE = {"key": HEX32, "value": HEX64}


class Refused(ValueError):
    """The proof proves nothing; the message says which step failed."""


@dataclass(frozen=True)
class Proven:
    """What a proof shows: so many base units of the token are the holder's in the block of this hash."""

    statement: dict[str, Any]
    holder: str
    units: int
    booked: int


# Keccak, RLP and Merkle Patricia tries


def keccak256(data: bytes) -> bytes:
    """The hash Ethereum uses: not SHA3-256."""
    return keccak.new(digest_bits=256, data=data).digest()


def rlp_items(encoded: bytes) -> list[Item]:
    """The items of an RLP list, if it is all there is. Raises Refused."""
    is_list, start, end = _header(encoded, 0)
    if not is_list or end != len(encoded):
        raise Refused("a node is not one RLP list")
    found, at = [], start
    while at < end:
        first = encoded[at]
        if first == OF_A_HASH and at + 33 <= end:
            found.append((False, encoded[at + 1 : at + 33]))
            at += 33
            continue
        if first == EMPTY_STRING:
            found.append(NOTHING)
            at += 1
            continue
        nested, begin, stop = _header(encoded, at)
        if stop > end:
            raise Refused("an RLP item is longer than its list")
        found.append((nested, encoded[at:stop] if nested else encoded[begin:stop]))
        at = stop
    return found


def _header(data: bytes, at: int) -> tuple[bool, int, int]:
    """Of the item at this place: whether it is a list, and where its payload begins and ends. Only canonical RLP."""
    if at >= len(data):
        raise Refused("RLP ends too early")
    first = data[at]
    if first < 0x80:
        return False, at, at + 1
    is_list = first >= 0xC0
    length = first - (0xC0 if is_list else 0x80)
    begin = at + 1
    if length > 55:
        size = length - 55
        digits = data[begin : begin + size]
        begin += size
        length = int.from_bytes(digits, "big")
        if len(digits) < size or digits[0] == 0 or length <= 55:
            raise Refused("RLP is not canonical")
    if begin + length > len(data):
        raise Refused("RLP ends too early")
    if not is_list and length == 1 and data[begin] < 0x80:
        raise Refused("RLP is not canonical")
    return is_list, begin, begin + length


def trie_value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """What a Merkle Patricia trie of this root has under keccak256(key); None where it has nothing. Raises Refused."""
    if root == EMPTY_ROOT and not nodes:
        return None
    path, at, used = keccak256(key).hex(), 0, 0
    child, is_value = (False, root), False
    while child != NOTHING and not is_value:
        node, used = _node_of(child, nodes, used)
        child, at, is_value = _descend(node, path, at)
    if used != len(nodes):
        raise Refused("a proof has more nodes than it needs")
    if is_value and child[0]:
        raise Refused("a leaf holds a list")
    return child[1] if is_value else None


def _node_of(child: Item, nodes: Sequence[bytes], used: int) -> tuple[bytes, int]:
    """The node that a parent names by its hash, or holds in itself; and how many of the proof's are used by then."""
    nested, payload = child
    if nested:
        return payload, used
    if used == len(nodes) or len(payload) != 32 or keccak256(nodes[used]) != payload:
        raise Refused("a node is not the one its parent names")
    return nodes[used], used + 1


def _descend(node: bytes, path: str, at: int) -> tuple[Item, int, bool]:
    """The child on the path, how far the path is gone then, and whether the child is a leaf's value."""
    if at < len(path) and _is_full_branch(node):  # most nodes of a proof: no need to list the other children
        begin = 4 + 33 * int(path[at], 16)
        return (False, node[begin : begin + 32]), at + 1, False
    items = rlp_items(node)
    if len(items) == 17:
        # Keys are hashes, all of one length: no branch has a value of its own.
        if at == len(path):
            raise Refused("a branch stands below the end of the key")
        return items[int(path[at], 16)], at + 1, False
    if len(items) != 2:
        raise Refused("a node has neither 2 nor 17 items")
    nibbles, is_leaf = _compact(items[0])
    if path[at : at + len(nibbles)] != nibbles:
        return NOTHING, at, False
    at += len(nibbles)
    if is_leaf and at != len(path):
        raise Refused("a leaf is not at the end of its key")
    return items[1], at, is_leaf


def _is_full_branch(node: bytes) -> bool:
    return len(node) == FULL and node[:3] == FULL_BRANCH and node[3::33] == FULL_ITEMS


def _compact(item: Item) -> tuple[str, bool]:
    """The nibbles of a node's part of the key, and whether it is a leaf (hex prefix encoding)."""
    nested, payload = item
    if nested or not payload or payload[0] >> 4 > 3:
        raise Refused("a node's part of the key is malformed")
    digits, flag = payload.hex(), payload[0] >> 4
    if not flag & 1 and digits[1] != "0":
        raise Refused("a node's part of the key is malformed")
    return digits[1:] if flag & 1 else digits[2:], flag >= 2


def state_root_of(header: bytes, block_hash: bytes) -> tuple[bytes, int]:
    """State root and number of the block whose header this is. Raises Refused."""
    if keccak256(header) != block_hash:
        raise Refused("the header is not the one of this block hash")
    items = rlp_items(header)
    if len(items) < 15 or any(nested for nested, _ in items[:15]) or len(items[STATE_ROOT][1]) != 32:
        raise Refused("the header is malformed")
    return items[STATE_ROOT][1], int.from_bytes(items[NUMBER][1], "big")


def storage_root_of(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> bytes:
    """The storage root of an account. Raises Refused, also where there is no such account."""
    account = trie_value(state_root, address, nodes)
    if account is None:
        raise Refused("the token's account does not exist in this block")
    items = rlp_items(account)
    if len(items) != 4 or any(nested for nested, _ in items) or len(items[STORAGE_ROOT][1]) != 32:
        raise Refused("the token's account is malformed")
    return items[STORAGE_ROOT][1]


def balance_of(storage_root: bytes, slot: bytes, holder: bytes, nodes: Sequence[bytes]) -> int:
    """A holder's entry in the mapping (address => uint256) at this slot; 0 where there is none. Raises Refused."""
    stored = trie_value(storage_root, keccak256(holder.rjust(32, b"\0") + slot), nodes)
    if stored is None:
        return 0
    is_list, begin, end = _header(stored, 0)
    value = stored[begin:end]
    if is_list or end != len(stored) or not 1 <= len(value) <= 32 or value[0] == 0:
        raise Refused("the stored balance is malformed")
    return int.from_bytes(value, "big")


# The tree of positions and the statement


def position_leaf(holder: str, booked: int, units: int) -> bytes:
    """The leaf hash of a position: its holder, base units in the books, and base units on the chain."""
    content = bytes.fromhex(holder[2:]) + booked.to_bytes(32, "big") + units.to_bytes(32, "big")
    return hashlib.sha256(b"\0" + content).digest()


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2). Raises Refused."""
    if not 0 <= index < size:
        raise Refused("the position is not among the positions")
    place, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Refused("the path is too long")
        if place & 1 or place == last:
            root = hashlib.sha256(b"\1" + sibling + root).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = hashlib.sha256(b"\1" + root + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise Refused("the path is too short")
    return root


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no blanks, ASCII: one text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


@lru_cache(maxsize=8)
def _require_signed(statement: bytes, key: str, signature: str) -> None:
    """Of many proofs of one run, whose statement and signature are the same bytes, it is asked once."""
    try:
        public = eddsa.import_public_key(bytes.fromhex(key))
        eddsa.new(public, "rfc8032").verify(SIGNED + statement, bytes.fromhex(signature))
    except (ValueError, TypeError, ECC.UnsupportedEccFeature):
        raise Refused("the statement's signature does not fit it") from None


# The proof as a file


def verify(text: bytes, block_hash: str, key: str | None = None) -> Proven:
    """What the proof shows. `key` is the signer's public key in hex, where you know it. Raises Refused."""
    if not HASH.fullmatch(block_hash):
        raise Refused("the block hash is not 0x and 64 lower-case hex digits")
    proof = read(text)
    statement, position = proof["statement"], proof["position"]
    if statement["block_hash"] != block_hash:
        raise Refused(f"the proof is of another block: {statement['block_hash']}")
    if key is not None and proof["signature"]["key"] != key:
        raise Refused("the statement is signed with another key")
    _require_signed(canonical(statement), proof["signature"]["key"], proof["signature"]["value"])
    _require_header(proof["header"], statement)
    units, booked = int(position["units"]), int(position["booked"])
    if _proven_units(proof) != units:
        raise Refused("the balance in the token's storage is another one")
    leaf = position_leaf(position["holder"], booked, units)
    root = root_by_path(leaf, position["index"], statement["positions"], [bytes.fromhex(h) for h in proof["path"]])
    if root.hex() != statement["positions_root"]:
        raise Refused("the position is not in the tree of positions")
    return Proven(statement, position["holder"], units, booked)


def _require_header(header: str, statement: dict[str, Any]) -> None:
    state_root, number = state_root_of(_raw(header), _raw(statement["block_hash"]))
    if _raw(statement["state_root"]) != state_root or statement["block_number"] != number:
        raise Refused("the statement gives another state root or number than the header")


def _proven_units(proof: dict[str, Any]) -> int:
    statement = proof["statement"]
    account, storage = ([_raw(node) for node in proof[name]] for name in ("account", "storage"))
    storage_root = storage_root_of(_raw(statement["state_root"]), _raw(statement["token"]), account)
    return balance_of(storage_root, _raw(statement["balances_slot"]), _raw(proof["position"]["holder"]), storage)


def read(text: bytes) -> dict[str, Any]:
    """The proof in this text, each part of its shape. Raises Refused."""
    if len(text) > MOST_BYTES:
        raise Refused("the proof is too large")
    if text.count(b"{") > OBJECTS or text.count(b"[") > LISTS:  # deep nesting can end a parser without an error
        raise Refused("the proof has other parts than it should")
    try:
        proof = json.loads(text)
        same = canonical(proof) + b"\n" == text
    except ValueError:
        raise Refused("the proof is not JSON") from None
    if not same:
        raise Refused("the proof is not canonical JSON: it was changed, or written by another program")
    parts = {"account", "format", "header", "path", "position", "signature", "statement", "storage"}
    if not isinstance(proof, dict) or proof.keys() != parts or proof["format"] != FORMAT:
        raise Refused(f"the proof is not of the format {FORMAT}")
    for name, shape in (("statement", STATEMENT), ("position", POSITION), ("signature", SIGNATURE)):
        _require_shape(name, proof[name], shape)
    for name, pattern in (("account", BYTES), ("storage", BYTES), ("path", HEX32)):
        nodes = proof[name]
        if not isinstance(nodes, list) or len(nodes) > MOST_NODES or not all(_fits(node, pattern) for node in nodes):
            raise Refused(f"{name} is malformed")
    if not _fits(proof["header"], BYTES):
        raise Refused("header is malformed")
    return proof


def _require_shape(name: str, part: object, shape: dict[str, Any]) -> None:
    if not isinstance(part, dict) or part.keys() != shape.keys():
        raise Refused(f"{name} has other fields than it should")
    for field, wanted in shape.items():
        if not _fits(part[field], wanted):
            raise Refused(f"{name}.{field} is malformed")


def _fits(value: object, wanted: Any) -> bool:
    if wanted is int:
        return type(value) is int and 0 <= value < 1 << 63
    return isinstance(value, str) and wanted.fullmatch(value) is not None


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


# The command


def main(arguments: list[str]) -> int:
    """Print what is proven, or why nothing is."""
    parser = argparse.ArgumentParser(description="Check the proof of a position, from a block hash to a balance.")
    parser.add_argument("proof", type=Path, help="the file you were given")
    parser.add_argument("--block-hash", required=True, metavar="0x..", help="of the block, from a source you trust")
    parser.add_argument("--key", metavar="HEX", help="public key of the signer of statements, where you know it")
    given = parser.parse_args(arguments)
    try:
        found = verify(given.proof.read_bytes(), given.block_hash.lower(), given.key and given.key.lower())
    except OSError as error:
        print(f"cannot read the proof: {error.strerror}", file=sys.stderr)
        return USAGE
    except Refused as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        return REFUSED
    print("\n".join(_told(found, key_known=given.key is not None)))
    return PROVEN


def _told(found: Proven, *, key_known: bool) -> list[str]:
    said = found.statement
    units, booked = (_decimal(number, said["decimals"]) for number in (found.units, found.booked))
    signer = "by the key you named" if key_known else "by a key that is in the proof itself: name yours with --key"
    return [
        f"PROVEN: {found.holder} holds {units} of {said['isin']}",
        f"  in block {said['block_number']} {said['block_hash']} of chain {said['chain_id']}",
        f"  by the storage of token {said['token']}, up to the block hash you named",
        f"The books of run {said['run_id']} ({said['status']}, {said['issued_at']}) say {booked}; signed {signer}.",
    ]


def _decimal(units: int, decimals: int) -> str:
    text = str(units).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
