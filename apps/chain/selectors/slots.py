"""Slots found by what they hold: the words of a contract's storage against what its code answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.chain.gateway import Node
from apps.chain.selectors.layouts import mapping_key

SEARCHED = 160  # slots from the first: T-REX keeps its last word we ask for at 110
_NAMESPACE = 0x52C63247E1F47DB19D5CE0460030C497F067CA4CEBF71BA98EEADABE20BACE00  # ERC-7201: openzeppelin.storage.ERC20


def slot(number: int) -> str:
    """A slot as a word."""
    return f"0x{number:064x}"


# (balances, supply): T-REX 4, OpenZeppelin ERC20, its upgradeable form before version 5, and since.
KNOWN = tuple(
    (slot(balances), slot(supply)) for balances, supply in ((102, 104), (0, 2), (51, 53), (_NAMESPACE, _NAMESPACE + 2))
)
CANDIDATES = tuple(dict.fromkeys([each for pair in KNOWN for each in pair] + [slot(n) for n in range(SEARCHED)]))


def find_slots(
    node: Node, token: str, balances: Mapping[str, int], supply: int, block_hash: str
) -> list[tuple[str, str]]:
    """(balances slot, supply slot) that hold these balances and this supply at the end of a block; best first.

    More than one where storage does not tell them apart. Raises ChainUnavailable.
    """
    fitting = list(CANDIDATES)
    for wallet, units in balances.items():
        keys = [mapping_key(wallet, each) for each in fitting]
        words = _words(node, token, keys, block_hash)
        fitting = [each for each, word in zip(fitting, words, strict=True) if word == units]
    words = _words(node, token, CANDIDATES, block_hash)
    supplies = [each for each, word in zip(CANDIDATES, words, strict=True) if word == supply]
    pairs = [(each, other) for each in fitting for other in supplies]
    known = [pair for pair in KNOWN if pair in pairs]
    return known or pairs


def _words(node: Node, token: str, keys: Sequence[str], block_hash: str) -> list[int | None]:
    at = {"blockHash": block_hash, "requireCanonical": True}
    answers = node.batch([("eth_getStorageAt", (token, key, at)) for key in keys]) if keys else []
    return [_word(answer) for answer in answers]


def _word(answer: Any) -> int | None:
    return int(answer, 16) if isinstance(answer, str) and answer.startswith("0x") and len(answer) > 2 else None
