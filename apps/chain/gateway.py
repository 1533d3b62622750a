"""The gateway to one EVM node: raw JSON-RPC over HTTP, explicit timeouts, the right chain or nothing.

A node is passed in (`node=`), never imported. Its URL may carry an access key: it appears in no log and no error.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx

from apps.chain.errors import ChainUnavailable, RpcError, WrongChain
from apps.core.providers import WITHIN, CircuitOpen
from apps.core.tls import vendor_context

Call = tuple[str, Sequence[Any]]

BATCH = 200
JSON = {"Content-Type": "application/json"}
TIMEOUT = httpx.Timeout(10.0, connect=2.0)
FIRST = "CHAIN_RPC_URL"
# A node that limits how often it is asked says so of a whole batch too: smaller ones would not help.
RATE_LIMITED = ("rate limit", "too many requests", "request limit", "compute units")
TOO_LARGE = frozenset({400, 413})


class BatchRefused(Exception):
    """One error stands for the whole batch."""

    def __init__(self, error: RpcError) -> None:
        super().__init__(error.code)
        self.error = error


class Node:
    """A session with one node. The chain id is checked when the session begins, and again after every failure."""

    def __init__(
        self,
        url: str,
        *,
        chain_id: int,
        timeout: httpx.Timeout = TIMEOUT,
        client: httpx.Client | None = None,
        name: str = FIRST,
    ) -> None:
        """With `client` the session borrows another's connections, and leaves them open. `name` is its setting's."""
        self.chain_id = chain_id
        self.name = name
        self.batch_calls = BATCH
        # The most one request may take where it is less than the policy allows.
        self.seconds: float | None = None
        self._url = url
        # Loopback and inside nodes are asked directly: no proxy from the environment.
        self._client = client or httpx.Client(timeout=timeout, trust_env=False, verify=vendor_context())
        self._borrowed = client is not None
        self._ids = count(1)
        self._checked = False

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises ChainUnavailable, WrongChain, or RpcError as the node answered."""
        answer = self.batch([(method, params)])[0]
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in the order of `calls`; an RpcError stands where the node refused one.

        Calls of one batch may run in any order. A batch that is refused as a whole is asked again in smaller ones
        (`batch_calls` remembers). Raises ChainUnavailable or WrongChain.
        """
        self._check_chain()
        answers: list[Any] = []
        while len(answers) < len(calls):
            piece = calls[len(answers) : len(answers) + self.batch_calls]
            try:
                answers += self._post(piece)
            except BatchRefused as refusal:
                if len(piece) == 1:
                    answers.append(refusal.error)
                else:
                    self.batch_calls = len(piece) // 2
        return answers

    def _check_chain(self) -> None:
        if self._checked:
            return
        try:
            answer = self._post([("eth_chainId", ())])[0]
        except BatchRefused as refusal:
            answer = refusal.error
        self.require_chain(answer)
        self._checked = True

    def require_chain(self, answer: Any) -> None:
        """Raise WrongChain unless the answer to eth_chainId is ours, ChainUnavailable where it is none."""
        if isinstance(answer, RpcError):
            raise ChainUnavailable(cause="eth_chainId") from answer
        try:
            found = int(answer, 16)
        except (TypeError, ValueError):
            raise ChainUnavailable(cause="eth_chainId") from None
        if found != self.chain_id:
            self._checked = False
            raise WrongChain(expected=self.chain_id, found=found)

    def _post(self, calls: Sequence[Call]) -> list[Any]:
        ids = [next(self._ids) for _ in calls]
        body = json.dumps([_request(*each) for each in zip(ids, calls, strict=True)])
        try:
            response = self._client.post(self._url, content=body, headers=JSON, extensions=self._extensions())
            if response.status_code in TOO_LARGE and len(calls) > 1:
                raise BatchRefused(RpcError(response.status_code, "the batch was refused"))
            response.raise_for_status()
            document = response.json()
            _require_answers(document, ids)
            answers = _by_id(document)
            return [_result(answers[id_]) for id_ in ids]
        except CircuitOpen as error:
            refusal = ChainUnavailable(cause=type(error).__name__)
            refusal.retry_after = error.retry_after
            raise refusal from None
        except httpx.HTTPStatusError as error:
            self._checked = False
            raise ChainUnavailable(cause="HTTPStatusError", status=error.response.status_code) from None
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self._checked = False
            # `from None`: the transport's error text holds the URL.
            raise ChainUnavailable(cause=type(error).__name__) from None

    def _extensions(self) -> dict[str, Any]:
        return {} if self.seconds is None else {WITHIN: self.seconds}

    def close(self) -> None:
        """End the session."""
        if not self._borrowed:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _request(id_: int, call: Call) -> dict[str, Any]:
    method, params = call
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": list(params)}


def _require_answers(document: Any, ids: Sequence[int]) -> None:
    """Raise BatchRefused where one error object answers for all, ChainUnavailable where it says to ask less often."""
    if not isinstance(document, dict) or document.get("id") in ids or not document.get("error"):
        return
    error = _result(document)
    if any(phrase in error.message.lower() for phrase in RATE_LIMITED):
        raise ChainUnavailable(cause="RateLimited")
    raise BatchRefused(error)


def _by_id(document: Any) -> Mapping[int, Mapping[str, Any]]:
    answers = document if isinstance(document, list) else [document]
    return {answer["id"]: answer for answer in answers}


def _result(answer: Mapping[str, Any]) -> Any:
    if error := answer.get("error"):
        return RpcError(int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))
    return answer["result"]
