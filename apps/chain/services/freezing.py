"""Whether a stranger sends with our key. One node that lags, or lies, convicts nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.chain.endpoints.others import Others
from apps.chain.errors import RpcError
from apps.chain.fetching import Call
from apps.chain.gateway import Node
from apps.chain.models import Signer, TxIntent
from apps.chain.selectors import blocks
from apps.chain.types import StreamView

FOREIGN_TRANSACTION = "FOREIGN_TRANSACTION"
Hashes = Mapping[UUID, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of intents whose nonce is said to be spent: those some node knows, and those a stranger's took the place of."""

    known: list[TxIntent]
    strangers: list[TxIntent]


@dataclass(slots=True)
class Suspicions:
    """Since which stored block every node that could know an intent's transactions has denied them."""

    since: dict[UUID, int] = field(default_factory=dict)

    def judge(self, node: Node, others: Others, suspects: Sequence[TxIntent], hashes: Hashes) -> Verdict:
        """A stranger is believed in when all nodes as high as the books say the same at two stored blocks in a row.

        Each must have our newest canonical block, have the nonce spent in it, and have none of our hashes: what a
        node does not say is not known, and nobody is convicted by it. Of `node` alone a fault is raised.
        """
        at = blocks.stream()
        if at is None or not suspects:
            return Verdict([], [])
        calls = [call for intent in suspects for call in _questions(intent, hashes[intent.id], at.hash)]
        testimonies = [node.batch(calls), *others.testify(at.number, calls)]
        known, strangers, start = [], [], 0
        for intent in suspects:
            end = start + 1 + len(hashes[intent.id])
            answers = [testimony[start:end] if testimony else None for testimony in testimonies]
            start = end
            if any(answer and any(map(_is_found, answer[1:])) for answer in answers):
                known.append(intent)
            if not all(answer and _denies(intent, answer) for answer in answers):
                self.since.pop(intent.id, None)
            elif self.since.setdefault(intent.id, at.number) < at.number:
                strangers.append(intent)
        return Verdict(known, strangers)


def spent_at(
    node: Node, others: Others, signer: Signer, intents: Sequence[TxIntent], hashes: Hashes, at: StreamView
) -> tuple[int, list[TxIntent]] | None:
    """How many nonces of the signer are spent at this block, and which intents' a stranger's transactions took.

    None unless every node as high as the books says so much, and the same.
    """
    count: Call = ("eth_getTransactionCount", (signer.address, {"blockHash": at.hash}))
    names = [(intent, hash_) for intent in intents for hash_ in hashes.get(intent.id, ())]
    calls = [count, *(("eth_getTransactionByHash", (hash_,)) for _, hash_ in names)]
    testimonies = [node.batch(calls), *others.testify(at.number, calls)]
    if any(each is None or any(isinstance(answer, RpcError) for answer in each) for each in testimonies):
        return None
    said = {answers[0] for answers in testimonies if answers}
    if len(said) != 1:
        return None
    spent = int(said.pop(), 16)
    ours = {
        intent.id
        for answers in testimonies
        for (intent, _), answer in zip(names, (answers or [])[1:], strict=True)
        if _is_found(answer)
    }
    return spent, [intent for intent in intents if intent.given_nonce < spent and intent.id not in ours]


def _questions(intent: TxIntent, hashes: Sequence[str], block_hash: str) -> list[Call]:
    count: Call = ("eth_getTransactionCount", (intent.signer.address, {"blockHash": block_hash}))
    return [count, *(("eth_getTransactionByHash", (hash_,)) for hash_ in hashes)]


def _denies(intent: TxIntent, answers: Sequence[Any]) -> bool:
    count, *found = answers
    passed = isinstance(count, str) and intent.nonce is not None and int(count, 16) > intent.nonce
    return passed and all(each is None for each in found)


def _is_found(answer: Any) -> bool:
    return answer is not None and not isinstance(answer, RpcError)
