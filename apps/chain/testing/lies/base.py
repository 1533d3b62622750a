"""What a lie is: where it speaks, how often, and the moments at which it may bend an answer."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Answer = dict[str, Any]  # {"result": ...} or {"error": {...}}
Ask = Callable[..., Any]  # ask(method, *params, upstream=0): the true result, or None
_counting = threading.Lock()


@dataclass(frozen=True)
class Question:
    """One call of a request."""

    id: int
    method: str
    params: list[Any]

    def filters(self) -> dict[str, Any]:
        """The criteria of an eth_getLogs; empty for anything else."""
        found = self.params[0] if self.method == "eth_getLogs" and self.params else {}
        return found if isinstance(found, dict) else {}


def asking(method: str, *params: Any) -> Callable[[Question], bool]:
    """For a lie's `where`: a method is asked, and its first parameters are these."""
    first = list(params)
    return lambda question: question.method == method and question.params[: len(first)] == first


class HungUp(Exception):
    """No answer, or only the beginning of one."""

    def __init__(self, part: bytes = b"") -> None:
        super().__init__("hung up")
        self.part = part


class Refusal(Exception):
    """An answer of HTTP instead of JSON-RPC."""

    def __init__(self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(str(status))
        self.status, self.body, self.headers = status, body, headers


@dataclass(eq=False, kw_only=True)
class Lie:
    """The truth; each lie overrides a moment.

    `where` says which questions it concerns (all), `times` how often it is told before the truth is (for ever), and
    `told` how often it was: an answer that came out as it was is not counted.
    """

    where: Callable[[Question], bool] | None = None
    times: int | None = None
    told: int = field(default=0, init=False)

    def wanted(self, questions: Sequence[Question]) -> bool:
        """Whether it speaks here."""
        if self.times is not None and self.told >= self.times:
            return False
        return self.where is None or any(self.where(question) for question in questions)

    def note(self) -> None:
        """Count it as told once more."""
        with _counting:
            self.told += 1

    def refuse(self, questions: Sequence[Question]) -> Any | None:
        """A document for a whole request, of which nothing is forwarded. May raise HungUp or Refusal."""
        return None

    def instead(self, question: Question, ask: Ask) -> Answer | None:
        """An answer for which the node is not asked."""
        return None

    def upstream(self, question: Question) -> int | None:
        """Which of the nodes is asked."""
        return None

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        """Another answer than the true one."""
        return None

    def whole(self, questions: Sequence[Question], answers: Sequence[Answer]) -> Any | None:
        """Another document than the answers to a whole request. May wait, or raise HungUp or Refusal."""
        return None


@dataclass(eq=False)
class Answers(Lie):
    """A lie of the test's own: `tell(method, params, truth)` gives another answer, or None for the true one."""

    tell: Callable[[str, list[Any], Answer], Answer | None]

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        return self.tell(question.method, question.params, truth)


@dataclass(eq=False)
class Altered(Lie):
    """The true result of `method`, with fields changed."""

    method: str
    fields: dict[str, Any]

    def bend(self, question: Question, truth: Answer, ask: Ask) -> Answer | None:
        if question.method != self.method or not isinstance(truth.get("result"), dict):
            return None
        return {"result": truth["result"] | self.fields}
