"""A node's front of our own, on loopback: it checks requests strictly, forwards them, and lies where told to.

It stands for the load balancers, lagging nodes and providers of the world outside. Every request has a thread of its
own, so one that is held back holds back no other. What it tells is well-formed JSON-RPC; what it says is up to `lies`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx

from apps.chain.testing.lies.base import Answer, HungUp, Lie, Question, Refusal
from apps.chain.testing.serving import RpcServer, read_questions


class LyingNode:
    """Forwards to the first of `upstreams`; to the others where a lie says so. Serves from the moment it is made.

    With `serving=False` it listens but answers nobody until `serve()`: a process forked in between inherits no thread.
    """

    def __init__(self, *upstreams: str, serving: bool = True) -> None:
        self.asked: list[tuple[str, list[Any]]] = []
        self._upstreams = upstreams
        self._lies: tuple[Lie, ...] = ()
        self._lock = threading.Lock()
        self._client = httpx.Client(trust_env=False, timeout=60)
        self._server = RpcServer(self.answer)
        self.url = self._server.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        if serving:
            self.serve()

    def serve(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @contextmanager
    def lying(self, *lies: Lie) -> Iterator[None]:
        """Tell these lies until the block ends, each upon what the ones before it told."""
        with self._lock:
            self._lies += lies
        try:
            yield
        finally:
            with self._lock:
                self._lies = tuple(lie for lie in self._lies if lie not in lies)

    def count(self, method: str) -> int:
        """How often a method was asked."""
        return sum(asked == method for asked, _ in list(self.asked))

    def ask(self, method: str, *params: Any, upstream: int = 0) -> Any:
        """The true result of one call, or None where the node refused it."""
        answer = self._post([Question(1, method, list(params))], upstream)[1]
        return answer.get("result")

    def answer(self, body: bytes) -> Any:
        """The document that answers a request. Raises ValueError, HungUp or Refusal where there is none."""
        questions, single = read_questions(body)
        lies = self._lies
        self.asked += [(question.method, question.params) for question in questions]
        for lie in lies:
            if lie.wanted(questions) and (refusal := _said(lie, partial(lie.refuse, questions))) is not None:
                return refusal
        answers = self._answers(questions, lies)
        document: Any = answers[0] if single else answers
        for lie in lies:
            if lie.wanted(questions):
                other = _said(lie, partial(lie.whole, questions, answers))
                document = document if other is None else other
        return document

    def _answers(self, questions: Sequence[Question], lies: Sequence[Lie]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        routes: dict[int, list[Question]] = {}
        for question in questions:
            refused = self._first(lies, question)
            if refused is not None:
                answers[question.id] = refused
            else:
                routes.setdefault(self._route(lies, question), []).append(question)
        for upstream, routed in routes.items():
            answers |= self._post(routed, upstream)
        return [{"jsonrpc": "2.0", "id": each.id, **self._bent(lies, each, answers[each.id])} for each in questions]

    def _first(self, lies: Sequence[Lie], question: Question) -> Answer | None:
        for lie in lies:
            if lie.wanted([question]) and (answer := lie.instead(question, self.ask)) is not None:
                lie.note()
                return answer
        return None

    def _route(self, lies: Sequence[Lie], question: Question) -> int:
        for lie in lies:
            if lie.wanted([question]) and (upstream := lie.upstream(question)) is not None:
                lie.note()
                return upstream
        return 0

    def _bent(self, lies: Sequence[Lie], question: Question, truth: Answer) -> Answer:
        for lie in lies:
            told = lie.bend(question, truth, self.ask) if lie.wanted([question]) else None
            if told is not None and told != truth:
                lie.note()
                truth = told
        return truth

    def _post(self, questions: Sequence[Question], upstream: int) -> dict[int, Answer]:
        requests = [
            {"jsonrpc": "2.0", "id": each.id, "method": each.method, "params": each.params} for each in questions
        ]
        found = self._client.post(self._upstreams[upstream], json=requests).json()
        return {each["id"]: {key: each[key] for key in ("result", "error") if key in each} for each in found}

    def close(self) -> None:
        """Answer nobody any more."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _said(lie: Lie, say: Callable[[], Any]) -> Any:
    """What a lie says of a whole request, counted if it says anything, or breaks off."""
    try:
        document = say()
    except (HungUp, Refusal):
        lie.note()
        raise
    if document is not None:
        lie.note()
    return document
