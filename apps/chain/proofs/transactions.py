"""The root of a block's transactions, from their signed bytes (Yellow Paper, 4.4; EIP-2718).

A typed transaction is held as its type's byte and payload, a blob transaction without its blobs (EIP-4844): what
eth_getRawTransactionByHash serves.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

from apps.chain.proofs.trie import ordered_root


def transactions_root(raws: Sequence[bytes]) -> str:
    """The root a header must hold for these transactions, in their order, as a 0x text."""
    return "0x" + ordered_root(raws).hex()


def transaction_hash(raw: bytes) -> str:
    """What the transaction is called, as a 0x text."""
    return "0x" + keccak(raw).hex()
