"""Lies about blocks: an old head, a stale or forged header, another chain, another fork."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from apps.chain.testing.lies.base import Answer, Ask, Lie, Question
from apps.chain.testing.recording import Recording

NOTHING: Answer = {"result": None}
UNKNOWN_BLOCK: Answer = {"error": {"code": -32000, "message": "unknown block"}}
TAGS = {"latest", "pending", "safe", "finalized"}
NO_BLOOM = "0x" + "00" * 256
HEADERS = ("eth_getBlockByNumber", "eth_getBlockByHash")
# What is asked of a transaction or a block, and has no answer where that is not known yet.
PLACED = (*HEADERS, "eth_getTransactionReceipt", "eth_getTransactionByHash")
# Where the parameter that names a block stands.
AT_A_BLOCK = {"eth_call": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_getStorageAt": 2}


@dataclass(eq=False)
class OldHead(Lie):
    """A node that lags: `behind` blocks below its true head, or stopped `at` a height. It is consistent about it."""

    behind: int = 0
    at: int | None = field(default=None, kw_only=True)

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        head, method = self._head(ask), question.method
        if method == "eth_blockNumber":
            return {"result": hex(head)}
        if method in PLACED:
            return self._placed(question, truth, head, ask)
        if method == "eth_getBlockReceipts":
            return NOTHING if any(int(each["blockNumber"], 16) > head for each in truth.get("result") or ()) else None
        if method == "eth_getLogs":
            return self._logs(question, truth, head, ask)
        return self._state(question, head, ask)

    def _head(self, ask: Ask) -> int:
        true = int(ask("eth_blockNumber"), 16)
        return max(0, true - self.behind) if self.at is None else min(true, self.at)

    def _placed(self, question: Question, truth: Answer, head: int, ask: Ask) -> Answer | None:
        if _number(truth) <= head:
            return None
        if question.params[0] in TAGS:
            return {"result": ask(question.method, hex(head), *question.params[1:])}
        return NOTHING

    def _logs(self, question: Question, truth: Answer, head: int, ask: Ask) -> Answer | None:
        if hash_ := question.filters().get("blockHash"):
            block = ask("eth_getBlockByHash", hash_, False)
            return UNKNOWN_BLOCK if block and int(block["number"], 16) > head else None
        return {"result": [each for each in truth.get("result") or () if int(each["blockNumber"], 16) <= head]}

    def _state(self, question: Question, head: int, ask: Ask) -> Answer | None:
        at = AT_A_BLOCK.get(question.method)
        if at is None or len(question.params) <= at or question.params[at] not in {"latest", "pending"}:
            return None
        params = [*question.params[:at], hex(head), *question.params[at + 1 :]]
        return {"result": ask(question.method, *params)}


@dataclass(eq=False)
class StaleBlock(Lie):
    """An orphaned block for its height, with its receipts and logs: `recording` was made before it was orphaned.

    With `heights` only of those.
    """

    recording: Recording
    heights: tuple[int, ...] = ()

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        told = self.recording.answer(question.method, question.params)
        stale = told is not None and (not self.heights or self.recording.height(question.params[0]) in self.heights)
        return told if stale else None


@dataclass(eq=False)
class ForgedBloom(Lie):
    """A header with its true hash and another bloom: none at all, unless one is given."""

    bloom: str = NO_BLOOM

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        if question.method not in HEADERS or not truth.get("result"):
            return None
        return {"result": truth["result"] | {"logsBloom": self.bloom}}


@dataclass(eq=False)
class ForgedFinal(Lie):
    """The newest block is called final, and safe, by its true hash."""

    tags: tuple[str, ...] = ("finalized", "safe")

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        if question.method != "eth_getBlockByNumber" or question.params[0] not in self.tags:
            return None
        return {"result": ask(question.method, "latest", *question.params[1:])}


@dataclass(eq=False)
class WrongChain(Lie):
    """Another chain's id."""

    id: int = 1

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        told = {"eth_chainId": hex(self.id), "net_version": str(self.id)}.get(question.method)
        return None if told is None else {"result": told}


@dataclass(eq=False)
class WrongFork(Lie):
    """Answers from another node behind the same URL: one on another branch, or one that lies itself.

    Every `every`-th question goes there: a balancer's two nodes.
    """

    node: int = 1
    every: int = 1
    _asked: "count[int]" = field(default_factory=lambda: count(1), init=False, repr=False)

    def upstream(self, question: Question) -> int | None:
        return self.node if next(self._asked) % self.every == 0 else None


def _number(truth: Mapping[str, Any]) -> int:
    """The height of a block, or of what is in one; -1 of nothing."""
    found = truth.get("result") or {}
    return int(found.get("number") or found.get("blockNumber") or "-0x1", 16)
