"""What every call to an outside service goes through: breaker, deadline, retries within a budget."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result
from tenacity.wait import wait_random_exponential

from apps.core import clock
from apps.core.db import in_unit_of_work
from apps.core.providers.budget import RetryBudget
from apps.core.providers.circuits import Circuit, Pass
from apps.core.providers.deadline import DeadlineTransport, ends_at
from apps.core.providers.errors import AnswerTooLong, CircuitOpen
from apps.core.providers.policy import Policy
from apps.core.providers.tally import Tally
from apps.core.tls import vendor_context

# RFC 9110, 9.2.2. A caller says of another request that it may be repeated: `extensions=REPEATABLE`.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
REPEATABLE = {"repeatable": True}
# A caller that would not wait as long as the policy lets it: `extensions={WITHIN: seconds}`.
WITHIN = "within_seconds"
TOO_MANY = 429
# What a service does wrong, or cannot be reached for. That our own pool is full, or our request odd, is not its fault.
FAILURES = (
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)


@dataclass(slots=True)
class Call:
    """One call with all its tries. `end` is an instant of time.monotonic."""

    request: httpx.Request
    leave: Pass
    end: float
    failures: int = 0


class GuardedTransport(httpx.BaseTransport):
    """Guards all calls of one process to one service."""

    def __init__(self, name: str, policy: Policy) -> None:
        self._policy = policy
        self._circuit = Circuit(name, policy.breaker)
        self._tally = Tally(name)
        self._budget = RetryBudget(percent=policy.retry.budget_percent, burst=policy.retry.budget_burst)
        self._inner = DeadlineTransport(context=vendor_context(), connections=policy.max_connections)
        retry = policy.retry
        self._jitter = wait_random_exponential(multiplier=retry.first_delay_seconds, max=retry.longest_delay_seconds)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer. Raises CircuitOpen, httpx's transport errors, and RuntimeError in a unit of work."""
        if in_unit_of_work():
            raise RuntimeError("an outside service is never called in a unit of work: its locks would wait for it")
        request.read()
        try:
            leave = self._circuit.admit()
        except CircuitOpen:
            self._tally.add(rejected=1)
            raise
        self._budget.deposit()
        total = self._policy.timeouts.total_seconds
        call = Call(request, leave, time.monotonic() + min(total, request.extensions.get(WITHIN, total)))
        retrying = Retrying(
            retry=retry_if_exception_type(FAILURES) | retry_if_result(_asks_for_another),
            wait=self._wait,
            stop=partial(self._stop, call),
            before_sleep=lambda _state: self._tally.add(retried=1),
            retry_error_callback=_last_outcome,
            reraise=True,
        )
        answer: httpx.Response = retrying(self._try, call)
        return answer

    def _try(self, call: Call) -> httpx.Response:
        """One try, and what it tells of the service."""
        began = time.monotonic()
        try:
            with ends_at(call.end):
                answer = self._whole(call)
        except FAILURES as error:
            self._failed(call, type(error).__name__)
            raise
        except AnswerTooLong:
            self._circuit.succeeded(call.leave)
            raise
        except BaseException:
            self._circuit.abandoned(call.leave)
            raise
        if answer.is_server_error:
            self._failed(call, f"HTTP {answer.status_code}")
        elif time.monotonic() - began > self._policy.breaker.slow_seconds:
            self._failed(call, "slow")
        else:
            self._circuit.succeeded(call.leave, after_failures=call.failures > 0)
            self._tally.add(calls=1)
        return answer

    def _failed(self, call: Call, error: str) -> None:
        call.failures += 1
        self._circuit.failed(call.leave, error)
        self._tally.add(calls=1, failed=1)

    def _whole(self, call: Call) -> httpx.Response:
        """The answer, read and unpacked to its end."""
        call.request.extensions = {**call.request.extensions, "timeout": self._timeouts()}
        raw = self._inner.handle_request(call.request)
        answer = httpx.Response(raw.status_code, headers=raw.headers, stream=raw.stream, request=call.request)
        try:
            content = self._content(answer)
        finally:
            raw.close()
        headers = [(key, value) for key, value in raw.headers.raw if key.lower() not in _OF_THE_WIRE]
        return httpx.Response(raw.status_code, headers=headers, content=content, extensions=_plain(raw.extensions))

    def _content(self, answer: httpx.Response) -> bytes:
        pieces, length = [], 0
        for piece in answer.iter_bytes():
            pieces.append(piece)
            if (length := length + len(piece)) > self._policy.max_response_bytes:
                raise AnswerTooLong("the answer is longer than the policy allows", request=answer.request)
        return b"".join(pieces)

    def _timeouts(self) -> Mapping[str, float]:
        of = self._policy.timeouts
        return {
            "connect": of.connect_seconds,
            "read": of.read_seconds,
            "write": of.write_seconds,
            "pool": of.pool_seconds,
        }

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next try: random and growing, and no less than the service asks for."""
        outcome = state.outcome
        answer = outcome.result() if outcome and not outcome.failed else None
        return max(self._jitter(state), _retry_after(answer) if answer else 0)

    def _stop(self, call: Call, state: RetryCallState) -> bool:
        """Whether this outcome stands. The budget is asked last: it is spent by asking."""
        if state.attempt_number >= self._policy.retry.attempts or call.leave.probe or not _repeatable(call.request):
            return True
        # So many in a row have opened the circuit, unless another process had an answer meanwhile.
        if call.leave.failures + call.failures >= self._policy.breaker.failures:
            return True
        return time.monotonic() + state.upcoming_sleep >= call.end or not self._budget.withdraw()

    def close(self) -> None:
        """End the connections, and write down the last counts."""
        self._inner.close()
        self._tally.flush()


_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def _plain(extensions: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in extensions.items() if key != "network_stream"}


def _asks_for_another(answer: httpx.Response) -> bool:
    return answer.status_code == TOO_MANY or answer.is_server_error


def _last_outcome(state: RetryCallState) -> httpx.Response:
    if state.outcome is None:
        raise RuntimeError("a try has an outcome")
    answer: httpx.Response = state.outcome.result()
    return answer


def _repeatable(request: httpx.Request) -> bool:
    declared = request.extensions.get("repeatable") is True or "Idempotency-Key" in request.headers
    return declared or request.method in IDEMPOTENT


def _retry_after(answer: httpx.Response) -> float:
    """Seconds the service asks us to wait, in either form of RFC 9110, 10.2.3; 0 where it says nothing we can read."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    with suppress(ValueError, TypeError, OverflowError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - clock.now()).total_seconds())
    return 0
