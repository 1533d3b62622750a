"""An engine that follows several nodes, each behind a front that lies where a test tells it to."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import msgspec
from django.conf import settings
from django.test.utils import override_settings

from apps.chain.endpoints.rows import NAMES
from apps.chain.engines.ingester import Ingester
from apps.chain.models import RpcEndpoint
from apps.chain.proofs.headers import header_hash
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.front import Answer, Front, Lie
from apps.chain.tests.stage import lead
from apps.chain.wire import HeaderAnswer
from apps.core.daemon import Leadership
from apps.core.models import Alert

A, B = NAMES[:2]


class Gate(Front):
    """A front that also refuses whole requests: with a status of HTTP, or batches longer than `longest`."""

    def __init__(self, upstream: str) -> None:
        self.status = 0
        self.longest = 1_000
        super().__init__(upstream)

    def answer(self, body: bytes) -> list[Answer]:
        requests = json.loads(body)
        if len(requests) > self.longest:
            error = {"code": -32005, "message": f"batch of more than {self.longest} calls"}
            return {"jsonrpc": "2.0", "id": None, "error": error}  # type: ignore[return-value]
        return super().answer(body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front, base = self, super()._handler()

        class Handler(base):  # type: ignore[misc, valid-type]
            def do_POST(self) -> None:  # noqa: N802 (the library's name)
                if front.status:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self.send_error(front.status)
                    return
                super().do_POST()

        return Handler


@dataclass
class Desk:
    """The ingester at two nodes of one chain. Its clock goes only where a test moves it."""

    a: Gate
    b: Gate
    leadership: Leadership
    now: datetime
    engine: Ingester = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another process, with nothing in memory."""
        self.engine = Ingester()
        self.engine.lead(self.leadership)

    def step(self, seconds: float = 0) -> bool:
        """One step, after so many seconds."""
        self.now += timedelta(seconds=seconds)
        return self.engine.step(self.leadership, self.now)

    def catch_up(self, seconds: float = 3) -> int:
        """Step until nothing is waiting; the number of steps."""
        steps = 1
        while self.step(seconds if steps == 1 else 0):
            steps += 1
            assert steps < 200
        return steps

    @property
    def followed(self) -> str:
        return self.engine._pool.followed

    def be_honest(self) -> None:
        """Both fronts tell the truth, and what was held against them is forgotten."""
        for front in (self.a, self.b):
            front.lie, front.status, front.longest = truth, 0, 1_000
            front.asked.clear()
        RpcEndpoint.objects.all().delete()
        Alert.objects.all().delete()
        self.restart()


@contextmanager
def desk_of(chain: LocalChain, now: datetime, **others: Any) -> Iterator[Desk]:
    """The ingester at two fronts of `chain`."""
    a, b = Gate(chain.url), Gate(chain.url)
    try:
        urls = {A: f"{a.url}/secret-key-of-a", B: f"{b.url}/secret-key-of-b"}
        with override_settings(**(urls | others)):
            yield Desk(a, b, lead(), now)
    finally:
        a.close()
        b.close()


@contextmanager
def answers_held(**policy: str) -> Iterator[None]:
    """Answers are asked for, and held against headers, otherwise than is the rule; for sessions begun within."""
    chain = replace(settings.SECURITY.chain, answers=replace(settings.SECURITY.chain.answers, **policy))
    with override_settings(SECURITY=replace(settings.SECURITY, chain=chain)):
        yield


def truth(_method: str, _params: list[Any], _truth: Answer) -> Answer | None:
    """No lie."""
    return None


def row(name: str) -> RpcEndpoint:
    """A node's row."""
    return RpcEndpoint.objects.get(pk=name)


def state(name: str) -> tuple[str, str]:
    """A node's state, and why."""
    return RpcEndpoint.objects.values_list("state", "reason").get(pk=name)


def alerts() -> dict[str, str]:
    """Severity of each open alert about nodes, by the node's name."""
    found = Alert.objects.filter(source="chain.endpoints", resolved_at=None)
    return {key.partition(":")[2]: severity for key, severity in found.values_list("dedup_key", "severity")}


def asks(front: Front, method: str) -> int:
    """How often a method was asked of it."""
    return sum(asked == method for asked, _ in front.asked)


def no_logs(method: str, params: list[Any], truth: Answer) -> Answer | None:
    return {"result": []} if method in {"eth_getLogs", "eth_getBlockReceipts"} else None


def no_such_block(method: str, params: list[Any], truth: Answer) -> Answer | None:
    """As a balancer answers whose next node is a block behind."""
    return {"result": None} if method == "eth_getBlockReceipts" else None


def of_another_fork(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block with other extra data, and the hash that it makes."""
    changed = {**block, "extraData": "0x07"}
    return changed | {"hash": header_hash(msgspec.convert(changed, HeaderAnswer))}


def head_of(chain: LocalChain, back: int) -> Lie:
    """A node that is `back` blocks behind now, and stays there."""
    number = chain.head() - back
    block = chain.node.call("eth_getBlockByNumber", hex(number), False)

    def lie(method: str, params: list[Any], _truth: Answer) -> Answer | None:
        if method == "eth_blockNumber":
            return {"result": hex(number)}
        return {"result": block} if method == "eth_getBlockByNumber" and params[0] == "latest" else None

    return lie
