"""Balances by proofs of storage: what the state root of a block says, whoever answers (eth_getProof, EIP-1186).

Nothing of an answer is believed but the nodes that hash up to the state root stored with the block. Which word of
storage is a wallet's balance is told by the layout verified for the token's code: see `selectors.layouts`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eth_hash.auto import keccak

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, NotCovered, RpcError
from apps.chain.gateway import Node
from apps.chain.proofs.errors import Unverifiable
from apps.chain.proofs.headers import header_rlp
from apps.chain.proofs.paths import Trie, path_to, stored_number
from apps.chain.proofs.paths import storage_root as root_of_storage
from apps.chain.selectors.blocks import blocks_by_hash
from apps.chain.selectors.in_flight import in_order
from apps.chain.selectors.layouts import LayoutView, layout, mapping_key
from apps.chain.types import BlockView
from apps.chain.wire import HEADER, PROOF, ProofAnswer, decode
from apps.core.db import in_unit_of_work

KEYS_AT_ONCE = 1_000  # of the 1,024 that geth takes
FEWEST = 50  # less is not tried where a node refuses more


@dataclass(frozen=True, slots=True)
class ProvenPositions:
    """Base units of wallets and of the supply at the end of a block, and what it takes to show it to anybody.

    `header` is the block's, in RLP; `account` are the trie's nodes from the state root to the token, `storage` those
    from `storage_root` to the supply and to the balances, or to where they would be, by their hashes.
    """

    layout: LayoutView
    block: BlockView
    header: bytes
    account: tuple[bytes, ...]
    storage_root: bytes
    storage: Mapping[bytes, bytes]
    units: Mapping[str, int]
    supply: int


def prove_positions(*, node: Node, isin: str, block_hash: str, wallets: Collection[str]) -> ProvenPositions:
    """What each wallet has of a security's token at the end of a final block, proven.

    Raises LayoutUnverified where the token's storage is not known for that block, NotCovered unless the block is final
    here, IncompleteAnswer where an answer does not lead to the block's hash or state root, ChainUnavailable also where
    the node gives no proofs (the state may be gone), UnknownToken, and RuntimeError in a unit of work.
    """
    if in_unit_of_work():  # threads have connections of their own
        raise RuntimeError("a node is never asked in a unit of work: its locks would wait for it")
    block = blocks_by_hash([block_hash]).get(block_hash)
    if block is None or not block.is_final:
        raise NotCovered(block_hash=block_hash)
    found = layout(isin, block.number)
    header = _header(node, block)
    asking = _Asking(node, found, block)
    account, storage, supply = asking.token()
    units: dict[str, int] = {}
    for part, proofs in in_order(asking.ask, _parts(sorted(set(wallets)))):
        for wallet, proof in zip(part, proofs, strict=True):
            units[wallet] = _number(block, storage, found.balance_key(wallet), proof)
    return ProvenPositions(
        found, block, header, tuple(account.nodes.values()), storage.root, storage.nodes, units, supply
    )


def balance_proof(
    *, storage_root: bytes, balances_slot: str, wallet: str, fetch: Callable[[bytes], bytes]
) -> list[bytes]:
    """The nodes from the root of a token's storage to a wallet's balance, each fetched by its hash.

    Raises what `fetch` raises, and Unverifiable (a ValueError) for a node that is not the one asked for.
    """
    return path_to(storage_root, bytes.fromhex(mapping_key(wallet, balances_slot)[2:]), fetch)


@dataclass(slots=True)
class _Asking:
    """Proofs of one token's storage in one block; it learns how many the node gives at once."""

    node: Node
    layout: LayoutView
    block: BlockView
    most: int = KEYS_AT_ONCE

    def token(self) -> tuple[Trie, Trie, int]:
        """What is proven of the account trie and of the token's storage with its supply, and the supply."""
        (answer,) = self._answers([self.layout.supply_slot])
        accounts = Trie(bytes.fromhex(self.block.state_root[2:]))
        with _refusing(self.block):
            root = root_of_storage(accounts.value(bytes.fromhex(self.layout.token[2:]), answer.account_proof))
        storage = Trie(root)
        (supply,) = answer.storage_proof
        return accounts, storage, _number(self.block, storage, self.layout.supply_slot, supply.proof)

    def ask(self, wallets: Sequence[str]) -> list[Sequence[str]]:
        """The nodes of each wallet's proof, in their order, unverified."""
        answers = self._answers([self.layout.balance_key(wallet) for wallet in wallets])
        return [proof.proof for answer in answers for proof in answer.storage_proof]

    def _answers(self, keys: Sequence[str]) -> list[ProofAnswer]:
        """As many answers as it takes. Raises ChainUnavailable where the node gives none."""
        if len(keys) > self.most:
            return self._halves(keys)
        (answer,) = self.node.ask([("eth_getProof", (self.layout.token, keys, hex(self.block.number)))])
        if isinstance(answer, RpcError):
            if len(keys) <= FEWEST:
                raise ChainUnavailable(cause="eth_getProof", rpc_code=answer.code, block_number=self.block.number)
            self.most = min(self.most, max(FEWEST, len(keys) // 2))
            return self._halves(keys)
        found = decode(PROOF, answer, what="proof", number=self.block.number)
        if len(found.storage_proof) != len(keys):
            raise IncompleteAnswer(what="proof", number=self.block.number)
        return [found]

    def _halves(self, keys: Sequence[str]) -> list[ProofAnswer]:
        half = len(keys) // 2
        return self._answers(keys[:half]) + self._answers(keys[half:])


def _number(block: BlockView, storage: Trie, key: str, proof: Sequence[str]) -> int:
    with _refusing(block):
        return stored_number(storage.value(bytes.fromhex(key[2:]), proof))


def _header(node: Node, block: BlockView) -> bytes:
    """The block's header in RLP. Raises IncompleteAnswer unless it has the block's hash and state root."""
    (answer,) = node.ask([("eth_getBlockByHash", (block.hash, False))])
    if isinstance(answer, RpcError):
        raise ChainUnavailable(cause="eth_getBlockByHash", rpc_code=answer.code, block_number=block.number)
    served = decode(HEADER, answer, what="header", number=block.number)
    with _refusing(block):
        header = header_rlp(served)
        if "0x" + keccak(header).hex() != block.hash or served.state_root.lower() != block.state_root:
            raise Unverifiable("the header is not the block's")
    return header


@contextmanager
def _refusing(block: BlockView) -> Iterator[None]:
    try:
        yield
    except Unverifiable as error:
        raise IncompleteAnswer(what="proof", number=block.number, reason=str(error)) from None


def _parts(wallets: Sequence[str]) -> Iterator[Sequence[str]]:
    return (wallets[start : start + KEYS_AT_ONCE] for start in range(0, len(wallets), KEYS_AT_ONCE))
