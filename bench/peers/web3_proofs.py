"""The usual check of eth_getProof, as web3.py's documentation has it: nodes by `rlp`, paths by `trie`."""

from typing import Any

import rlp
from eth_utils import keccak
from trie import HexaryTrie


def proven_balance(proof: dict[str, Any], block_hash: str, token: str, slot: int) -> int:
    """A holder's base units by the block hash. Raises RuntimeError for another header, and what `trie` does."""
    header = bytes.fromhex(proof["header"][2:])
    if keccak(header) != bytes.fromhex(block_hash[2:]):
        raise RuntimeError("another header")
    state_root = rlp.decode(header)[3]
    account = _value(state_root, keccak(hexstr=token), proof["account"])
    holder = bytes.fromhex(proof["position"]["holder"][2:].rjust(64, "0")) + slot.to_bytes(32, "big")
    stored = _value(rlp.decode(account)[2], keccak(keccak(holder)), proof["storage"])
    return int.from_bytes(rlp.decode(stored), "big")


def _value(root: bytes, key: bytes, nodes: list[str]) -> bytes:
    return bytes(HexaryTrie.get_from_proof(root, key, [rlp.decode(bytes.fromhex(node[2:])) for node in nodes]))
