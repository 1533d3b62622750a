"""Contract storage as it was at one block, asked by the block's hash.

A read that failed is unknown (None), never zero: an address without code answers nothing, a reverting call answers
an error, and a node that pruned the block's state refuses. Only canonical blocks are read (EIP-1898).
"""

from collections.abc import Collection, Sequence
from typing import Any

from apps.chain.fetching import Call
from apps.chain.gateway import Node

BALANCE_OF, TOTAL_SUPPLY, PAUSED, IS_VERIFIED = "0x70a08231", "0x18160ddd", "0x5c975abb", "0xb9209e33"
WORD = 66  # of one 32-byte answer, with 0x


def balances_at(node: Node, token: str, wallets: Collection[str], block_hash: str) -> dict[str, int | None]:
    """Each wallet's balance in base units at the end of a block, None where it could not be read.

    Raises ChainUnavailable if the node does not answer at all.
    """
    asked = list(dict.fromkeys(wallets))
    calls = [_call(token, BALANCE_OF + _word(wallet), block_hash) for wallet in asked]
    return dict(zip(asked, map(_uint, _ask(node, calls)), strict=True))


def total_supply_at(node: Node, token: str, block_hash: str) -> int | None:
    """The token's supply in base units at the end of a block, None if it could not be read."""
    return _uint(_ask(node, [_call(token, TOTAL_SUPPLY, block_hash)])[0])


def paused_at(node: Node, token: str, block_hash: str) -> bool | None:
    """Whether transfers were paused at the end of a block, None if it could not be read."""
    return _bool(_ask(node, [_call(token, PAUSED, block_hash)])[0])


def is_verified_at(
    node: Node, identity_registry: str, wallets: Collection[str], block_hash: str
) -> dict[str, bool | None]:
    """Whether the registry held each wallet for verified at the end of a block, None where it could not be read."""
    asked = list(dict.fromkeys(wallets))
    calls = [_call(identity_registry, IS_VERIFIED + _word(wallet), block_hash) for wallet in asked]
    return dict(zip(asked, map(_bool, _ask(node, calls)), strict=True))


def _ask(node: Node, calls: Sequence[Call]) -> list[Any]:
    return node.batch(calls) if calls else []


def _call(to: str, data: str, block_hash: str) -> Call:
    return "eth_call", ({"to": to, "data": data}, {"blockHash": block_hash, "requireCanonical": True})


def _word(address: str) -> str:
    return address[2:].lower().rjust(64, "0")


def _uint(answer: Any) -> int | None:
    """One word. An error, no answer (no code there), or more than a word is unknown."""
    if not isinstance(answer, str) or len(answer) != WORD:
        return None
    return int(answer, 16)


def _bool(answer: Any) -> bool | None:
    value = _uint(answer)
    return value == 1 if value in (0, 1) else None
