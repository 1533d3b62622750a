"""Lies about logs and receipts: too few, none, twice, or in another order."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.chain.testing.lies.base import Answer, Ask, Lie, Question

OF_A_BLOCK = "eth_getBlockReceipts"
OF_A_TRANSACTION = "eth_getTransactionReceipt"
LISTS = ("eth_getLogs", OF_A_BLOCK)


@dataclass(eq=False)
class Short(Lie):
    """Some logs are missing, always those at the same places: of eth_getLogs, and from within receipts.

    `drop` is the share, chosen by `seed`. With `whole_receipts` a block's receipts go instead of their logs, and with
    `renumber` what is left is numbered without a gap.
    """

    drop: float = 0.5
    seed: int = 0
    whole_receipts: bool = False
    renumber: bool = False

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        found = truth.get("result")
        if not found:
            return None
        if question.method == "eth_getLogs":
            return {"result": self._logs(found)}
        if question.method == OF_A_BLOCK:
            kept = [each for each in found if not (self.whole_receipts and self._gone(each, "transactionIndex"))]
            return {"result": [self._receipt(each) for each in kept]}
        if question.method == OF_A_TRANSACTION:
            return {"result": self._receipt(found)}
        return None

    def _receipt(self, receipt: dict[str, Any]) -> dict[str, Any]:
        return receipt if self.whole_receipts else receipt | {"logs": self._logs(receipt["logs"])}

    def _logs(self, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [each for each in logs if not self._gone(each, "logIndex")]
        if not self.renumber or len(kept) == len(logs):
            return kept
        # Per block, from the first number that the true answer had there.
        first: dict[str, int] = {}
        for each in logs:
            first.setdefault(each["blockHash"], int(each["logIndex"], 16))
        numbered = []
        for each in kept:
            numbered.append(each | {"logIndex": hex(first[each["blockHash"]])})
            first[each["blockHash"]] += 1
        return numbered

    def _gone(self, item: dict[str, Any], index: str) -> bool:
        """By its place alone: hashes differ from run to run."""
        return random.Random(f"{self.seed}:{item['blockNumber']}:{item[index]}").random() < self.drop


@dataclass(eq=False)
class Empty(Lie):
    """No logs, no receipts, and no error."""

    methods: tuple[str, ...] = LISTS

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        return {"result": []} if question.method in self.methods and "result" in truth else None


@dataclass(eq=False)
class Duplicated(Lie):
    """Every log, and every receipt of a block, is there twice."""

    methods: tuple[str, ...] = LISTS

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        return _listed(self.methods, question, truth, lambda found: [each for each in found for _ in range(2)])


@dataclass(eq=False)
class Reordered(Lie):
    """Logs and receipts in another order than the chain's; with `batches` the answers of a batch too, as is allowed."""

    seed: int = 0
    batches: bool = False
    methods: tuple[str, ...] = LISTS

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        return _listed(self.methods, question, truth, self._shuffled)

    def whole(self, questions: Any, answers: Any) -> Any | None:
        return self._shuffled(list(answers)) if self.batches and len(answers) > 1 else None

    def _shuffled(self, found: list[Any]) -> list[Any]:
        """Another order wherever there is one."""
        other = random.Random(self.seed).sample(found, len(found))
        return other if other != found else found[::-1]


def _listed(
    methods: tuple[str, ...], question: Question, truth: Answer, change: Callable[[list[Any]], list[Any]]
) -> Answer | None:
    found = truth.get("result")
    if question.method not in methods or not isinstance(found, list):
        return None
    return {"result": change(found)}
