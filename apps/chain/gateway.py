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
from apps.core.providers import CircuitOpen
from apps.core.tls import vendor_context

Call = tuple[str, Sequence[Any]]

BATCH = 200
JSON = {"Content-Type": "application/json"}
TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class Node:
    """A session with one node. The chain id is checked when the session begins, and again after every failure."""

    def __init__(
        self, url: str, *, chain_id: int, timeout: httpx.Timeout = TIMEOUT, client: httpx.Client | None = None
    ) -> None:
        """With `client` the session borrows another's connections, and leaves them open."""
        self.chain_id = chain_id
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

        Calls of one batch may run in any order. Raises ChainUnavailable or WrongChain.
        """
        self._check_chain()
        answers: list[Any] = []
        for start in range(0, len(calls), BATCH):
            answers += self._post(calls[start : start + BATCH])
        return answers

    def _check_chain(self) -> None:
        if self._checked:
            return
        answer = self._post([("eth_chainId", ())])[0]
        if isinstance(answer, RpcError):
            raise ChainUnavailable from answer
        if int(answer, 16) != self.chain_id:
            raise WrongChain(expected=self.chain_id, found=int(answer, 16))
        self._checked = True

    def _post(self, calls: Sequence[Call]) -> list[Any]:
        ids = [next(self._ids) for _ in calls]
        body = json.dumps([_request(*each) for each in zip(ids, calls, strict=True)])
        try:
            response = self._client.post(self._url, content=body, headers=JSON)
            response.raise_for_status()
            answers = _by_id(response.json())
            return [_result(answers[id_]) for id_ in ids]
        except CircuitOpen as error:
            refusal = ChainUnavailable(cause=type(error).__name__)
            refusal.retry_after = error.retry_after
            raise refusal from None
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self._checked = False
            # `from None`: the transport's error text holds the URL.
            raise ChainUnavailable(cause=type(error).__name__) from None

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


def _by_id(document: Any) -> Mapping[int, Mapping[str, Any]]:
    answers = document if isinstance(document, list) else [document]
    return {answer["id"]: answer for answer in answers}


def _result(answer: Mapping[str, Any]) -> Any:
    if error := answer.get("error"):
        return RpcError(int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))
    return answer["result"]
