"""One question about very many addresses, answered at the end of one block, a few thousand addresses a call.

The aggregator is the platform's own Multicall if it had code in that block, else Multicall3; where neither had, each
address is a call of its own, in batches. What fails is unknown, never zero: an answer that is not aggregate3's makes
all of its rows unknown, a failing call its own. Rows swapped by a node that lies have the right shape and cannot be
told from true ones: that takes proofs of storage, or another node.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from apps.chain.codec.multicall import Malformed, aggregate3, read_words
from apps.chain.errors import RpcError
from apps.chain.fetching import Call
from apps.chain.gateway import Node
from apps.chain.models import ContractAddress
from apps.chain.selectors.in_flight import in_order
from apps.core.db import in_unit_of_work

OURS, MULTICALL3 = "multicall", "0xca11bde05977b3631167028862be2a173976ca11"
AT_ONCE = 2_000  # addresses in a call: under 1 MB, and some 25 million gas where the token is a proxy
FEWEST = 50  # less is not tried where a node refuses more
FEW = 100  # addresses that are asked for one by one
WORD = re.compile("0x[0-9a-fA-F]{64}")

Words = list[int | None]


@dataclass(frozen=True, slots=True)
class Question:
    """`selector(address)` of the contract at `target`, in the block of this hash (EIP-1898: only if canonical)."""

    target: str
    selector: str
    block_hash: str

    def of(self, address: str) -> Call:
        """The call that asks it of one address."""
        return eth_call(self.target, self.selector + address[2:].rjust(64, "0"), self.block_hash)


def eth_call(to: str, data: str, block_hash: str) -> Call:
    """A call at the end of a canonical block."""
    return "eth_call", ({"to": to, "data": data}, _at(block_hash))


def words_at(node: Node, question: Question, addresses: Iterable[str]) -> Iterator[dict[str, int | None]]:
    """The one word that answers for each address, up to 2,000 addresses at a time, in their order.

    None where it is unknown. No more is held than is in flight. Raises ChainUnavailable, WrongChain, and RuntimeError
    in a unit of work.
    """
    if in_unit_of_work():  # the transport's own guard sees only this thread's
        raise RuntimeError("a node is never asked in a unit of work: its locks would wait for it")
    parts = _parts(iter(addresses))
    first = next(parts, [])
    if len(first) <= FEW:
        return iter([dict(zip(first, _singly(node, question, first), strict=True))] if first else [])
    reader = _Reader(node, question, aggregator_at(node, question.block_hash))
    answers = in_order(reader.read, chain([first], parts))
    return (dict(zip(part, words, strict=True)) for part, words in answers)


def one_word(answer: Any) -> int | None:
    """What a call answered. An error, no answer (no code there), or anything but a word is unknown."""
    return int(answer, 16) if isinstance(answer, str) and WORD.fullmatch(answer) else None


def aggregator_at(node: Node, block_hash: str) -> str | None:
    """The address that spoke aggregate3 in a block: the platform's own, else Multicall3; None where neither had code.

    Raises ChainUnavailable, WrongChain.
    """
    ours = ContractAddress.objects.filter(pk=OURS).values_list("address", flat=True)
    known = [*ours, MULTICALL3]
    codes = node.batch([("eth_getCode", (address, _at(block_hash))) for address in known])
    return next((at for at, code in zip(known, codes, strict=True) if isinstance(code, str) and len(code) > 2), None)


@dataclass(slots=True)
class _Reader:
    """Asks one question of many addresses in one call, and learns how many addresses the node takes."""

    node: Node
    question: Question
    aggregator: str | None
    most: int = field(default=AT_ONCE)

    def read(self, addresses: Sequence[str]) -> Words:
        """A word or None for each."""
        if self.aggregator is None:
            return _singly(self.node, self.question, addresses)
        if len(addresses) > self.most:
            return self._halves(addresses)
        target, selector = self.question.target, self.question.selector
        call = eth_call(self.aggregator, aggregate3(target, selector, addresses), self.question.block_hash)
        answer = self.node.batch([call])[0]
        if isinstance(answer, RpcError) and len(addresses) > FEWEST:
            # Too long, too slow, or out of gas as a whole.
            self.most = min(self.most, max(FEWEST, len(addresses) // 2))
            return self._halves(addresses)
        return self._words(answer, addresses)

    def _halves(self, addresses: Sequence[str]) -> Words:
        half = len(addresses) // 2
        return self.read(addresses[:half]) + self.read(addresses[half:])

    def _words(self, answer: Any, addresses: Sequence[str]) -> Words:
        try:
            found = read_words(answer, len(addresses))
        except Malformed:
            return [None] * len(addresses)
        if 0 < len(found.failed) < len(addresses):
            # One call that uses up the gas, or all of them together, lets those behind it fail.
            failed = [addresses[index] for index in found.failed]
            again = _singly(self.node, self.question, failed) if len(failed) <= FEW else self.read(failed)
            for index, word in zip(found.failed, again, strict=True):
                found.words[index] = word
        return found.words


def _singly(node: Node, question: Question, addresses: Sequence[str]) -> Words:
    return [one_word(answer) for answer in node.batch([question.of(address) for address in addresses])]


def _parts(addresses: Iterator[str]) -> Iterator[list[str]]:
    while part := list(islice(addresses, AT_ONCE)):
        yield part


def _at(block_hash: str) -> dict[str, object]:
    return {"blockHash": block_hash, "requireCanonical": True}
