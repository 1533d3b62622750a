"""What a contract says of itself: whether it is a token we can keep the books of, of which standard, and since when.

All is asked at one final block, by its hash; only its first block is searched for by number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.selectors.multicall import one_word
from apps.chain.types import TokenStandard

MAX_NAME, MAX_SYMBOL = 200, 32
NFT = "80ac58cd" + "0" * 56  # ERC-165's id of ERC-721
ZERO_WORD = "0" * 64


def _selector(signature: str) -> str:
    return "0x" + keccak(text=signature)[:4].hex()


QUESTIONS = {
    "name": _selector("name()"),
    "symbol": _selector("symbol()"),
    "decimals": _selector("decimals()"),
    "total_supply": _selector("totalSupply()"),
    "balance": _selector("balanceOf(address)") + ZERO_WORD,
    "is_collectible": _selector("supportsInterface(bytes4)") + NFT,
    "identity_registry": _selector("identityRegistry()"),
    "compliance": _selector("compliance()"),
    "partition_balance": _selector("balanceOfByPartition(bytes32,address)") + ZERO_WORD * 2,
    "authority": _selector("getImplementationAuthority()"),
}


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A fungible token as it describes itself; a name that cannot be read is empty."""

    standard: TokenStandard
    name: str
    symbol: str
    decimals: int
    identity_registry: str | None
    authority: str | None


def token_facts(node: Node, token: str, block_hash: str) -> TokenFacts | None:
    """What the contract answers at the end of a block, None where it is no fungible token. Raises ChainUnavailable."""
    at = {"blockHash": block_hash, "requireCanonical": True}
    found = node.batch([("eth_call", ({"to": token, "data": data}, at)) for data in QUESTIONS.values()])
    answers = dict(zip(QUESTIONS, found, strict=True))
    decimals = one_word(answers["decimals"])
    counted = (one_word(answers[name]) for name in ("total_supply", "balance"))
    if decimals is None or None in counted or one_word(answers["is_collectible"]) == 1:
        return None
    return TokenFacts(
        standard=_standard(answers),
        name=_text(answers["name"]),
        symbol=_text(answers["symbol"]),
        decimals=decimals,
        identity_registry=_address(answers["identity_registry"]),
        authority=_address(answers["authority"]),
    )


def _standard(answers: dict[str, Any]) -> TokenStandard:
    if _address(answers["identity_registry"]) and _address(answers["compliance"]):
        return TokenStandard.ERC3643
    return TokenStandard.ERC20 if one_word(answers["partition_balance"]) is None else TokenStandard.ERC1400


def first_block_of(node: Node, address: str, up_to: int) -> int | None:
    """The block that made a contract, None if there is none at `up_to`.

    A binary search: of a contract that destroyed itself and was made again, one of its beginnings. Raises
    ChainUnavailable where the node no longer knows so old a state.
    """
    if not _has_code(node, address, up_to):
        return None
    low, high = 0, up_to
    while low < high:
        middle = (low + high) // 2
        if _has_code(node, address, middle):
            high = middle
        else:
            low = middle + 1
    return high


def is_first_block(node: Node, address: str, number: int) -> bool:
    """Whether a contract is there at the end of a block, and was not before. Raises as first_block_of()."""
    return _has_code(node, address, number) and (number == 0 or not _has_code(node, address, number - 1))


def _has_code(node: Node, address: str, number: int) -> bool:
    try:
        return bool(node.call("eth_getCode", address, hex(number)) not in {None, "0x"})
    except RpcError as error:
        raise ChainUnavailable(cause="eth_getCode", rpc_code=error.code, block_number=number) from error


def _address(answer: Any) -> str | None:
    value = one_word(answer)
    return f"0x{value:040x}" if value and value < 2**160 else None


def _text(answer: Any) -> str:
    """A string, or the bytes32 of older tokens; empty where it is neither."""
    if not isinstance(answer, str) or not answer.startswith("0x"):
        return ""
    raw = bytes.fromhex(answer[2:])
    try:
        said = raw.rstrip(b"\0").decode() if len(raw) == 32 else decode(["string"], raw)[0]
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""
    return str(said) if str(said).isprintable() else ""


def named(texts: Sequence[str]) -> list[str]:
    """Texts compared as people read them: neither case nor spaces tell them apart."""
    return [" ".join(text.split()).casefold() for text in texts]
