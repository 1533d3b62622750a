"""What a node says of blocks and transactions now, to hold against what is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from apps.chain.errors import RpcError
from apps.chain.gateway import Node


@dataclass(frozen=True, slots=True)
class NodeHeader:
    """The canonical block a node has at a height."""

    number: int
    hash: str
    state_root: str


@dataclass(frozen=True, slots=True)
class SentCall:
    """The outer call of a transaction: who signed it, whom it called (None: a creation) and the input, in hex."""

    sender: str
    to: str | None
    data: str


def header_at(node: Node, number: int) -> NodeHeader | None:
    """The node's block at a height, None if it has none (yet). Raises ChainUnavailable, WrongChain, RpcError."""
    found = node.call("eth_getBlockByNumber", hex(number), False)
    return NodeHeader(number, str(found["hash"]), str(found["stateRoot"])) if found else None


def calls_of(node: Node, tx_hashes: Collection[str]) -> dict[str, SentCall | None]:
    """The call each transaction made, None where the node could not tell. Raises ChainUnavailable, WrongChain."""
    asked = list(dict.fromkeys(tx_hashes))
    answers = node.batch([("eth_getTransactionByHash", (tx_hash,)) for tx_hash in asked]) if asked else []
    return {tx_hash: _call(answer) for tx_hash, answer in zip(asked, answers, strict=True)}


def _call(answer: Any) -> SentCall | None:
    if isinstance(answer, RpcError) or not answer:
        return None
    to = answer.get("to")
    return SentCall(str(answer["from"]).lower(), to.lower() if to else None, str(answer["input"]).lower())
