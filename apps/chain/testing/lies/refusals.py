"""Refusals, most of them true: ranges too wide, history gone, methods unknown, batches too large."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from apps.chain.testing.lies.base import Answer, Ask, Lie, Question
from apps.chain.testing.lies.wordings import WORDINGS

GONE = {
    "geth": {"code": 4444, "message": "pruned history unavailable"},
    "plain": {"code": -32000, "message": "history has been pruned"},
    "nethermind": {"code": -32001, "message": "Resource not found"},
}
TOO_LARGE = {
    "geth": {"code": -32600, "message": "batch too large"},
    "erigon": {"code": -32000, "message": "batch limit {limit} exceeded: {size} requests given"},
    "besu": {"code": -32005, "message": "Number of requests exceeds max batch size"},
}


@dataclass(eq=False)
class RangeLimit(Lie):
    """eth_getLogs over more than `blocks` blocks, or with more than `logs` logs, is refused in somebody's words.

    Those that name a range name the widest one that would do; with `stuck` the refused one itself, as reth did once.
    """

    blocks: int | None = None
    logs: int | None = None
    words: str = "geth"
    stuck: bool = False

    def __post_init__(self) -> None:
        wording = WORDINGS[self.words]
        if (self.blocks is not None and wording.blocks is None) or (self.logs is not None and wording.logs is None):
            raise ValueError(f"{self.words} knows no such limit")

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        found = truth.get("result")
        if question.method != "eth_getLogs" or not isinstance(found, list):
            return None
        first, last = self._span(question, ask)
        span = last - first + 1
        if self.blocks is not None and span > self.blocks:
            return self._refusal("blocks", self.blocks, (first, last), first + self.blocks - 1)
        if self.logs is not None and len(found) > self.logs:
            return self._refusal("logs", self.logs, (first, last), self._fitting(found, first, last))
        return None

    def _span(self, question: Question, ask: Ask) -> tuple[int, int]:
        criteria = question.filters()
        if hash_ := criteria.get("blockHash"):
            number = int(ask("eth_getBlockByHash", hash_, False)["number"], 16)
            return number, number
        head = int(ask("eth_blockNumber"), 16)
        ends = [criteria.get("fromBlock", "latest"), criteria.get("toBlock", "latest")]
        first, last = (int(end, 16) if end.startswith("0x") else {"earliest": 0}.get(end, head) for end in ends)
        return first, last

    def _fitting(self, found: Sequence[dict[str, Any]], first: int, last: int) -> int:
        """The last block up to which the logs are no more than allowed; `first` where it alone has too many."""
        counted = 0
        for number, logs in groupby(sorted(int(each["blockNumber"], 16) for each in found)):
            counted += len(list(logs))
            if counted > (self.logs or 0):
                return max(first, number - 1)
        return last

    def _refusal(self, limit: str, allowed: int, asked: tuple[int, int], fits: int) -> Answer:
        words = getattr(WORDINGS[self.words], limit)
        first, last = asked
        named = last if self.stuck else fits
        return {"error": words.error(limit=allowed, span=last - first + 1, first=first, last=named)}


@dataclass(eq=False)
class Pruned(Lie):
    """Logs and receipts of blocks `below` a height are gone, headers are not; with `silent` they are merely empty.

    Without `below` those of all blocks are. The node is asked nothing that it would not have.
    """

    below: int | None = None
    words: str = "geth"
    silent: bool = False

    def instead(self, question: Question, ask: Ask) -> Answer | None:
        if not self._asks_below(question, ask):
            return None
        if not self.silent:
            return {"error": dict(GONE[self.words])}
        return {"result": [] if question.method == "eth_getLogs" else None}

    def _asks_below(self, question: Question, ask: Ask) -> bool:
        if question.method not in {"eth_getLogs", "eth_getBlockReceipts"}:
            return False
        if self.below is None:
            return True
        criteria = question.filters()
        name = criteria.get("blockHash") or criteria.get("fromBlock") or "latest" if criteria else question.params[0]
        if name == "earliest":
            return self.below > 0
        method = "eth_getBlockByHash" if len(name) == 66 else "eth_getBlockByNumber"
        block = ask(method, name, False)
        return block is not None and int(block["number"], 16) < self.below


@dataclass(eq=False)
class Null(Lie):
    """`null` for what a method is asked: the node does not have it. It is asked all the same, so a sent one is sent."""

    method: str

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        return {"result": None} if question.method == self.method else None


@dataclass(eq=False)
class Without(Lie):
    """A node that does not know a method, and does nothing when it is called."""

    method: str

    def instead(self, question: Question, ask: Ask) -> Answer | None:
        if question.method != self.method:
            return None
        return {"error": {"code": -32601, "message": f"the method {self.method} does not exist/is not available"}}


@dataclass(eq=False)
class Refused(Lie):
    """An error of the test's own for a method, which is not called."""

    method: str
    code: int
    message: str

    def instead(self, question: Question, ask: Ask) -> Answer | None:
        error = {"code": self.code, "message": self.message}
        return {"error": error} if question.method == self.method else None


@dataclass(eq=False)
class BatchRefused(Lie):
    """One error for a whole batch of more than `limit` calls, none of which is made.

    An object whose id is null, as most send it; geth sends it in a list, with the id of the first call.
    """

    limit: int = 1
    words: str = "erigon"

    def refuse(self, questions: Sequence[Question]) -> Any | None:
        if len(questions) <= self.limit:
            return None
        error = dict(TOO_LARGE[self.words])
        error["message"] = str(error["message"]).format(limit=self.limit, size=len(questions))
        if self.words == "geth":
            return [{"jsonrpc": "2.0", "id": questions[0].id, "error": error}]
        return {"jsonrpc": "2.0", "id": None, "error": error}
