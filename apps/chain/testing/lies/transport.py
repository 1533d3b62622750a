"""Lies of the line: late, broken off, or an answer of HTTP alone."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.chain.testing.lies.base import Answer, HungUp, Lie, Question, Refusal


@dataclass(eq=False)
class Slow(Lie):
    """The answer comes `seconds` later, or with `each` so much later for every call of a batch that it concerns.

    The questions are forwarded first: what they do is done.
    """

    seconds: float
    each: bool = False

    def whole(self, questions: Sequence[Question], answers: Sequence[Answer]) -> Any | None:
        concerned = [question for question in questions if self.where is None or self.where(question)]
        time.sleep(self.seconds * (len(concerned) if self.each else 1))
        self.note()
        return None


@dataclass(eq=False)
class HangUp(Lie):
    """The line goes dead: BEFORE the question is forwarded, AFTER it was, or MIDWAY through the answer."""

    when: str = "BEFORE"

    def __post_init__(self) -> None:
        if self.when not in {"BEFORE", "AFTER", "MIDWAY"}:
            raise ValueError(self.when)

    def refuse(self, questions: Sequence[Question]) -> Any | None:
        if self.when == "BEFORE":
            raise HungUp
        return None

    def whole(self, questions: Sequence[Question], answers: Sequence[Answer]) -> Any | None:
        document = json.dumps(answers).encode()
        raise HungUp(document[: len(document) // 2] if self.when == "MIDWAY" else b"")


@dataclass(eq=False)
class Status(Lie):
    """HTTP says no: 429 with `retry_after`, 502, 403. Nothing is forwarded."""

    code: int
    retry_after: int | None = None

    def refuse(self, questions: Sequence[Question]) -> Any | None:
        after = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        raise Refusal(self.code, b'{"message": "refused"}', after)
