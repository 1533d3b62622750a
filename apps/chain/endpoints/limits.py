"""What a node takes in one question, learned from its refusals, which every vendor words in its own way."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from apps.chain.endpoints.asks import Call
from apps.chain.errors import RpcError
from apps.chain.fetching import WIDEST_RANGE, RangeCap
from apps.chain.gateway import BATCH
from apps.core import clock

ANSWER_BYTES, LEAST_ANSWER_BYTES = 8 * 2**20, 64 * 2**10
GROWS_AFTER = 20  # questions in a row that were taken at the cap
HINT_HOLDS = timedelta(hours=1)

PRUNED = ("pruned", "history unavailable", "no longer available", "historical data is not available")
PRUNED_CODE = 4444  # EIP-4444
RATE = ("rate limit", "too many requests", "request limit", "compute units", "throughput", "capacity exceeded")
OUT_OF_RANGE = ("blockoutofrange", "beyond current head", "block not found", "unknown block")
RANGE = ("range", "limit", "more than", "too many", "too large", "response size", "exceed", "timeout", "timed out")
NO_METHOD, BAD_REQUEST, BAD_PARAMS = -32601, -32600, -32602

_HEX_SPAN = re.compile(r"\[\s*0x([0-9a-f]{1,16})\s*,\s*0x([0-9a-f]{1,16})\s*\]", re.IGNORECASE)
_SPAN = re.compile(r"range\D{0,20}(\d{1,16})\s*-\s*(\d{1,16})\b", re.IGNORECASE)
_NUMBER = r"(\d{1,3}(?:[,_]\d{3})+|\d{1,12})\s*(k?)\b(?![\s-]*(?:results|logs|events))"
_WORDS = (
    re.compile(_NUMBER + r"[\s-]*block", re.IGNORECASE),
    re.compile(r"limited to (?:a )?" + _NUMBER, re.IGNORECASE),
    re.compile(r"range\D{0,40}?" + _NUMBER, re.IGNORECASE),
    re.compile(r"max(?:imum)?(?!\D{0,20}(?:results|logs))\D{0,30}?" + _NUMBER, re.IGNORECASE),
)


class Refusal(StrEnum):
    """Why a range of logs was refused."""

    TOO_WIDE = "TOO_WIDE"
    PRUNED = "PRUNED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    RATE = "RATE"
    CANNOT = "CANNOT"


def refusal_of(error: RpcError) -> Refusal:
    """What the node's words mean. What nobody knows counts as too wide: a smaller question harms nothing."""
    words = error.message.lower()
    if error.code == PRUNED_CODE or any(phrase in words for phrase in PRUNED):
        return Refusal.PRUNED
    if any(phrase in words for phrase in RATE):
        return Refusal.RATE
    if any(phrase in words for phrase in OUT_OF_RANGE):
        return Refusal.OUT_OF_RANGE
    worded = any(phrase in words for phrase in RANGE)
    if error.code in {NO_METHOD, BAD_REQUEST} or (error.code == BAD_PARAMS and not worded):
        return Refusal.CANNOT
    return Refusal.TOO_WIDE


def hint_of(message: str, tried: int) -> int | None:
    """The number of blocks that the refusal itself offers, if it is fewer than were tried. Never raises."""
    text = message[:2_000]
    for span, base in ((_HEX_SPAN, 16), (_SPAN, 10)):
        if found := span.search(text):
            offered = int(found[2], base) - int(found[1], base) + 1
            return offered if 1 <= offered < tried else None
    for pattern in _WORDS:
        for word in pattern.finditer(text):
            offered = int(re.sub("[,_]", "", word[1])) * (1_000 if word[2] else 1)
            if 1 <= offered < tried:
                return offered
    return None


@dataclass(slots=True)
class Limits(RangeCap):
    """Of one node. `blocks` is its cap on a range; what it says itself that it takes holds for an hour."""

    hint: int | None = None
    hinted_at: datetime | None = None
    answer_bytes: int = ANSWER_BYTES
    batch_calls: int = BATCH
    oldest_block: int = 0
    capabilities: dict[str, bool] = field(default_factory=dict)
    # Fields to be written down: another engine may learn others meanwhile.
    changed: set[str] = field(default_factory=set)
    taken: int = 0

    def halve(self, tried: int) -> None:
        """Ask for at most half of what was refused, unless the refusal has taught more already."""
        if self.blocks >= tried:
            self._set_blocks(max(1, tried // 2))

    def grow(self) -> None:
        """Nothing: only what was taken at the cap makes it grow (see `learn`), or quiet hours would forget it."""

    def too_much(self) -> None:
        """An answer did not come in time, or was too long."""
        self._set("answer_bytes", max(LEAST_ANSWER_BYTES, self.answer_bytes // 2))

    def fewer_calls(self, calls: int) -> None:
        """A batch was refused as a whole."""
        if calls < self.batch_calls:
            self._set("batch_calls", calls)

    def learn(self, call: Call, answer: Any) -> Refusal | None:
        """Take note of one answer; why it was refused, where it was a range of logs."""
        method, params = call
        if isinstance(answer, RpcError) and answer.code == NO_METHOD and self.capabilities.get(method) is not False:
            self._set("capabilities", self.capabilities | {method: False})
        if method != "eth_getLogs" or "fromBlock" not in params[0]:
            return None
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if not isinstance(answer, RpcError):
            self._took(last - first + 1)
            return None
        refusal = refusal_of(answer)
        if refusal is Refusal.TOO_WIDE:
            self._refused(last - first + 1, answer)
        elif refusal is Refusal.PRUNED and first >= self.oldest_block:
            self._set("oldest_block", first + 1)
        return refusal

    def _took(self, blocks: int) -> None:
        if blocks * 2 <= self.blocks:
            return
        self.taken += 1
        if self.taken >= GROWS_AFTER:
            self._set("answer_bytes", min(ANSWER_BYTES, self.answer_bytes + self.answer_bytes // 10))
            self._set_blocks(min(self._highest(), self.blocks + max(1, self.blocks // 10)))

    def _highest(self) -> int:
        fresh = self.hinted_at is not None and clock.now() - self.hinted_at < HINT_HOLDS
        return self.hint if fresh and self.hint is not None else WIDEST_RANGE

    def _refused(self, tried: int, error: RpcError) -> None:
        offered = hint_of(error.message, tried)
        if offered is not None:
            self._set("hint", offered)
            self._set("hinted_at", clock.now())
        self._set_blocks(max(1, tried // 2) if offered is None else min(offered, WIDEST_RANGE))

    def _set_blocks(self, blocks: int) -> None:
        self.taken = 0
        self._set("blocks", blocks)

    def _set(self, name: str, value: Any) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)
            self.changed.add(name)
