"""Contract storage as it was at one block, asked by the block's hash.

A read that failed is unknown (None), never zero: an address without code answers nothing, a reverting call answers
an error, and a node that pruned the block's state refuses. Only canonical blocks are read (EIP-1898).
Wallets are 0x texts of 42 characters.
"""

from collections.abc import Collection, Iterable, Iterator

from apps.chain.gateway import Node
from apps.chain.selectors.multicall import Question, eth_call, one_word, words_at

BALANCE_OF, TOTAL_SUPPLY, DECIMALS, PAUSED = "0x70a08231", "0x18160ddd", "0x313ce567", "0x5c975abb"
IS_VERIFIED, IS_FROZEN, FROZEN_TOKENS = "0xb9209e33", "0xe5839836", "0x158b1a57"
MOST_DECIMALS = 255  # a uint8


def balances_at(node: Node, token: str, wallets: Collection[str], block_hash: str) -> dict[str, int | None]:
    """Each wallet's balance in base units at the end of a block, None where it could not be read.

    Raises ChainUnavailable if the node does not answer at all.
    """
    return _all(words_at(node, Question(token, BALANCE_OF, block_hash), dict.fromkeys(wallets)))


def balances_in_parts(
    node: Node, token: str, wallets: Iterable[str], block_hash: str
) -> Iterator[dict[str, int | None]]:
    """As balances_at(), up to 2,000 wallets at a time and in their order: no more is held. Raises ChainUnavailable."""
    return words_at(node, Question(token, BALANCE_OF, block_hash), wallets)


def frozen_at(node: Node, token: str, wallets: Collection[str], block_hash: str) -> dict[str, int | None]:
    """Base units of each wallet that its agent froze, at the end of a block, None where they could not be read.

    Raises ChainUnavailable.
    """
    return _all(words_at(node, Question(token, FROZEN_TOKENS, block_hash), dict.fromkeys(wallets)))


def is_frozen_at(node: Node, token: str, wallets: Collection[str], block_hash: str) -> dict[str, bool | None]:
    """Whether each wallet as a whole was frozen at the end of a block, None where it could not be read.

    Raises ChainUnavailable.
    """
    return _flags(node, Question(token, IS_FROZEN, block_hash), wallets)


def is_verified_at(
    node: Node, identity_registry: str, wallets: Collection[str], block_hash: str
) -> dict[str, bool | None]:
    """Whether the registry held each wallet for verified at the end of a block, None where it could not be read.

    Raises ChainUnavailable.
    """
    return _flags(node, Question(identity_registry, IS_VERIFIED, block_hash), wallets)


def total_supply_at(node: Node, token: str, block_hash: str) -> int | None:
    """The token's supply in base units at the end of a block, None if it could not be read. Raises ChainUnavailable."""
    return _fact(node, token, TOTAL_SUPPLY, block_hash)


def decimals_at(node: Node, token: str, block_hash: str) -> int | None:
    """The token's decimals at the end of a block, None if they could not be read. Raises ChainUnavailable."""
    found = _fact(node, token, DECIMALS, block_hash)
    return found if found is not None and found <= MOST_DECIMALS else None


def paused_at(node: Node, token: str, block_hash: str) -> bool | None:
    """Whether transfers were paused at the end of a block, None if it could not be read. Raises ChainUnavailable."""
    return _flag(_fact(node, token, PAUSED, block_hash))


def _fact(node: Node, token: str, selector: str, block_hash: str) -> int | None:
    return one_word(node.batch([eth_call(token, selector, block_hash)])[0])


def _flags(node: Node, question: Question, wallets: Collection[str]) -> dict[str, bool | None]:
    found = _all(words_at(node, question, dict.fromkeys(wallets)))
    return {wallet: _flag(word) for wallet, word in found.items()}


def _all(parts: Iterator[dict[str, int | None]]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for part in parts:
        found |= part
    return found


def _flag(word: int | None) -> bool | None:
    return word == 1 if word in (0, 1) else None
