"""An engine that follows several nodes, each of which lies where a test tells it to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.test.utils import override_settings

from apps.chain.endpoints.rows import NAMES
from apps.chain.engines.ingester import Ingester
from apps.chain.models import RpcEndpoint
from apps.chain.proofs.headers import header_hash
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.stage import lead
from apps.chain.wire import HeaderAnswer
from apps.core.daemon import Leadership
from apps.core.models import Alert

A, B = NAMES[:2]


@dataclass
class Desk:
    """The ingester at two nodes of one chain. Its clock goes only where a test moves it."""

    a: LyingNode
    b: LyingNode
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

    def forgive(self) -> None:
        """What was asked of the nodes, and what was held against them, is forgotten."""
        for node in (self.a, self.b):
            node.asked.clear()
        RpcEndpoint.objects.all().delete()
        Alert.objects.all().delete()
        self.restart()


@contextmanager
def desk_of(chain: LocalChain, now: datetime, *, other: LocalChain | None = None, **urls: Any) -> Iterator[Desk]:
    """The ingester at two nodes of `chain`, or of it and of the `other`."""
    with LyingNode(chain.url) as a, LyingNode((other or chain).url) as b:
        known = {A: f"{a.url}/secret-key-of-a", B: f"{b.url}/secret-key-of-b"}
        with override_settings(**(known | urls)):
            yield Desk(a, b, lead(), now)


@contextmanager
def answers_held(**policy: str) -> Iterator[None]:
    """Answers are asked for, and held against headers, otherwise than is the rule; for sessions begun within."""
    chain = replace(settings.SECURITY.chain, answers=replace(settings.SECURITY.chain.answers, **policy))
    with override_settings(SECURITY=replace(settings.SECURITY, chain=chain)):
        yield


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


def of_another_fork(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block with other extra data, and the hash that it makes."""
    changed = {**block, "extraData": "0x07"}
    return changed | {"hash": header_hash(msgspec.convert(changed, HeaderAnswer))}
