"""The gateway to one EVM node: raw JSON-RPC over HTTP, explicit timeouts, the right chain or nothing.

A node is passed in (`node=`), never imported. Its URL may carry an access key: it appears in no log and no error.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
from msgspec import Raw

from apps.chain import refusals
from apps.chain.errors import ChainUnavailable, RpcError, WrongChain
from apps.chain.fetching.endpoint import Call
from apps.chain.limits import VERIFIED, Limits, Policy
from apps.chain.refusals import Refusal
from apps.core.providers import WITHIN, CircuitOpen
from apps.core.tls import vendor_context

JSON = {"Content-Type": "application/json"}
TIMEOUT = httpx.Timeout(10.0, connect=2.0)
FIRST = "CHAIN_RPC_URL"
BATCH = 200  # calls of untyped answers in one request
SPOKEN = frozenset({400, 413})  # with these, some endpoints still say in JSON-RPC what they refuse


class Envelope(msgspec.Struct):
    """One answer. `result` and `error` stay the text that came, for whoever asked to decode; empty if absent."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


ENVELOPES = msgspec.json.Decoder(list[Envelope] | Envelope)


class BatchRefused(Exception):
    """One error answered a whole batch."""

    def __init__(self, error: RpcError) -> None:
        super().__init__()
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
        limits: Limits | None = None,
        policy: Policy = VERIFIED,
        name: str = FIRST,
    ) -> None:
        """With `client` the session borrows another's connections, and leaves them open. `name` is its setting's."""
        self.chain_id = chain_id
        self.name = name
        self.limits = limits or Limits()
        self.policy = policy
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
        return [_untyped(answer) for answer in self._ask(calls, BATCH)]

    def ask(self, calls: Sequence[Call]) -> list[Raw | RpcError]:
        """As `batch`, each result as the JSON text that came, for a typed decoder."""
        return self._ask(calls, self.limits.batch_calls)

    def _ask(self, calls: Sequence[Call], at_once: int) -> list[Raw | RpcError]:
        self._check_chain()
        answers: list[Raw | RpcError] = []
        while len(answers) < len(calls):
            part = calls[len(answers) :][: min(at_once, self.limits.batch_calls)]
            try:
                answers += self._post(part)
            except BatchRefused as refused:
                self._learn(refused.error, len(part))
        return answers

    def _learn(self, error: RpcError, tried: int) -> None:
        """Ask for half as many calls at once from now on, unless there is nothing to halve."""
        if refusals.read(error) is Refusal.RATE:
            raise ChainUnavailable(cause="RateLimited", rpc_code=error.code)
        if tried == 1:
            raise ChainUnavailable(cause="BatchRefused", rpc_code=error.code)
        self.limits.batch_calls = max(1, tried // 2)

    def _check_chain(self) -> None:
        if self._checked:
            return
        try:
            (answer,) = self._post([("eth_chainId", ())])
        except BatchRefused as refused:
            answer = refused.error
        self.require_chain(answer)
        self._checked = True

    def require_chain(self, answer: Raw | RpcError) -> None:
        """Raise WrongChain unless the answer to eth_chainId is ours, ChainUnavailable where it is none."""
        if isinstance(answer, RpcError):
            raise ChainUnavailable(cause="eth_chainId", rpc_code=answer.code) from answer
        try:
            found = int(_untyped(answer), 16)
        except (TypeError, ValueError):
            raise ChainUnavailable(cause="eth_chainId") from None
        if found != self.chain_id:
            self._checked = False
            raise WrongChain(expected=self.chain_id, found=found)

    def _post(self, calls: Sequence[Call]) -> list[Raw | RpcError]:
        ids = [next(self._ids) for _ in calls]
        body = msgspec.json.encode([_request(*each) for each in zip(ids, calls, strict=True)])
        try:
            response = self._client.post(self._url, content=body, headers=JSON, extensions=self._extensions())
            answers = _by_id(_read(response), ids)
            return [_result(answers[id_]) for id_ in ids]
        except CircuitOpen as error:
            refusal = ChainUnavailable(cause=type(error).__name__)
            refusal.retry_after = error.retry_after
            raise refusal from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status in SPOKEN and len(calls) > 1:
                raise BatchRefused(RpcError(status, "the batch was refused")) from None
            self._checked = False
            raise ChainUnavailable(cause="HTTPStatusError", status=status) from None
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
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


def _read(response: httpx.Response) -> list[Envelope] | Envelope:
    """What the node says. Raises httpx's and msgspec's errors."""
    if response.status_code not in SPOKEN:
        response.raise_for_status()
    try:
        return ENVELOPES.decode(response.content)
    except msgspec.DecodeError:
        response.raise_for_status()
        raise


def _by_id(answers: list[Envelope] | Envelope, ids: Sequence[int]) -> Mapping[Any, Envelope]:
    """Answers by the id of their question. Raises BatchRefused where one error answers all (geth's is in a list)."""
    given = answers if isinstance(answers, list) else [answers]
    if len(given) == 1 and ids != [given[0].id] and isinstance(error := _result(given[0]), RpcError):
        raise BatchRefused(error)
    return {answer.id: answer for answer in given}


def _result(answer: Envelope) -> Raw | RpcError:
    error = msgspec.json.decode(answer.error) if memoryview(answer.error) else None
    if not error:
        if not memoryview(answer.result):
            raise KeyError("result")
        return answer.result
    return RpcError(int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))


def _untyped(answer: Raw | RpcError) -> Any:
    return answer if isinstance(answer, RpcError) else msgspec.json.decode(answer)
