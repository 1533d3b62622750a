"""Proofs of positions on a real chain, made apart from whatever the product makes them with."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_abi.abi import encode
from eth_hash.auto import keccak

from apps.chain.proofs.headers import header_rlp
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.wire import HeaderAnswer
from apps.core.devstack.anvil import private_node
from apps.reconciliation import verifier
from apps.reconciliation.verifier import FORMAT, SIGNED, canonical, position_leaf

BALANCES = 0  # slot of the payment token's balances (OpenZeppelin ERC20)
STRANGER = hx(0x5A17)
# With no way to a network.
ALONE = """
import runpy, socket, sys
socket.socket = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass
class Prover:
    """A token on a node with as many holders as `units` has numbers, and statements about them signed with a key."""

    chain: LocalChain
    units: Sequence[int]
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    token: str = field(init=False)
    holders: list[str] = field(init=False)
    block: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.token = self.chain.deploy_token().lower()
        self.holders = [hx(0xA000 + number) for number in range(len(self.units))]
        for holder, units in zip(self.holders, self.units, strict=True):
            self.chain.mint(self.token, holder, units)
        self.block = self.chain.header(self.chain.head())

    @property
    def block_hash(self) -> str:
        """Of the block that proofs are made at."""
        return str(self.block["hash"])

    def proof(self, holder: str, **changed: Any) -> dict[str, Any]:
        """The proof of a holder's position, whose statement says `changed` instead."""
        index = self.holders.index(holder) if holder in self.holders else 0
        leaves = self.leaves()
        slot = BALANCES.to_bytes(32, "big")
        answer = self.answer(holder)
        units = self.units[index] if holder in self.holders else 0
        statement = self.statement(leaves) | changed
        return {
            "account": answer["accountProof"],
            "format": FORMAT,
            "header": "0x" + header_rlp(msgspec.convert(self.block, HeaderAnswer)).hex(),
            "path": [each.hex() for each in path_of(leaves, index)],
            "position": {"booked": str(units), "holder": holder, "index": index, "units": str(units)},
            "signature": self.signature(statement),
            "statement": statement | {"balances_slot": "0x" + slot.hex()},
            "storage": answer["storageProof"][0]["proof"],
        }

    def answer(self, holder: str) -> dict[str, Any]:
        """What the node proves of a holder's balance (EIP-1186)."""
        key = keccak(encode(["address", "uint256"], [holder, BALANCES])).hex()
        found: dict[str, Any] = self.chain.node.call("eth_getProof", self.token, ["0x" + key], self.block["number"])
        return found

    def leaves(self) -> list[bytes]:
        """Of the tree of positions: what is in the books is what is on the chain."""
        return [position_leaf(holder, units, units) for holder, units in zip(self.holders, self.units, strict=True)]

    def statement(self, leaves: Sequence[bytes]) -> dict[str, Any]:
        """About a clean run at the block."""
        return {
            "balances_slot": f"0x{BALANCES:064x}",
            "block_hash": self.block_hash,
            "block_number": int(self.block["number"], 16),
            "breaks": 0,
            "chain_id": 31337,
            "decimals": 6,
            "isin": "DE000AUR0RA7",
            "issued_at": "2026-01-02T03:04:05.000006Z",
            "ledger_sequence": 12,
            "positions": len(leaves),
            "positions_root": tree_of(leaves).hex(),
            "run_id": "01a20555-f138-70d5-96ec-ca001b4f6742",
            "state_root": self.block["stateRoot"],
            "status": "CLEAN",
            "supply": str(sum(self.units)),
            "token": self.token,
        }

    def signature(self, statement: dict[str, Any]) -> dict[str, str]:
        """Of a statement."""
        signed = self.key.sign(SIGNED + canonical(statement))
        return {"key": self.key.public_key().public_bytes_raw().hex(), "value": signed.hex()}

    def signed_anew(self, proof: dict[str, Any]) -> dict[str, Any]:
        """As whoever has the key may: the signature fits, whatever else does not."""
        return proof | {"signature": self.signature(proof["statement"])}


@contextmanager
def prover(units: Sequence[int]) -> Iterator[Prover]:
    """A node of one's own, with a token that so many hold."""
    with private_node() as url:
        yield Prover(LocalChain(url), units)


def text_of(proof: Any) -> bytes:
    """The file it is given as."""
    return canonical(proof) + b"\n"


def run_alone(folder: Path, text: bytes, *more: str) -> subprocess.CompletedProcess[str]:
    """The verifier's file alone in a folder, with no way to the project, to an environment or to a network."""
    copy, proof = folder / "verifier.py", folder / "proof.json"
    copy.write_bytes(Path(verifier.__file__).read_bytes())
    proof.write_bytes(text)
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(copy), str(proof), *more],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def plain(proof: Any) -> bytes:
    """The same values in another text."""
    return json.dumps(proof).encode()


def tree_of(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash, as RFC 9162 defines it in words (2.1.1)."""
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return hashlib.sha256(b"\1" + tree_of(leaves[:at]) + tree_of(leaves[at:])).digest()


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Inclusion path, as RFC 9162 defines it in words (2.1.3.1)."""
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*path_of(leaves[:at], index), tree_of(leaves[at:])]
    return [*path_of(leaves[at:], index - at), tree_of(leaves[:at])]


def _split(size: int) -> int:
    """The largest power of two below."""
    return 1 << (size - 1).bit_length() - 1
