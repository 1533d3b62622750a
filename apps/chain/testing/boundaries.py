"""kill -9 at a named boundary: before a statement or a call to the node is made, or just after it was answered.

Names come from the wire: ("db", "INSERT chain_block", 2) is the second INSERT into chain_block that a run sends, BEGIN,
COPY and COMMIT are seen like any other, and ("node", "eth_getLogs", 1) is the first request for logs. An honest run
lists them; another run of the same work is killed at one. The work runs in a forked child, so it costs no start-up.

```
for at in sample(run(work, url=chain.url).passed, 10, seed=7):
    prepare()
    assert run(work, url=chain.url, at=at).killed
    recover_and_compare()
```
"""

import multiprocessing
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from apps.chain.testing.lies.base import Answer, HungUp, Lie, Question
from apps.chain.testing.lying_node import LyingNode
from apps.core.db import fetch_one
from apps.core.testing import databases
from apps.core.testing.statements import only_reads
from apps.core.testing.waiting import until
from apps.core.testing.wire import StatementProxy

ALIASES = ("default", "direct")
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, order=True)
class Boundary:
    """A place in a run: `after` its `nth` doing of `act` was answered, or before it was asked."""

    side: str  # "db" or "node"
    act: str
    nth: int
    after: bool = False

    def __str__(self) -> str:
        return f"{self.side} {self.act} #{self.nth} {'after' if self.after else 'before'}"

    @property
    def reads(self) -> bool:
        """Whether nothing changes there: killed before or after, the run leaves the same behind."""
        return self.side == "db" and only_reads(self.act)


@dataclass(frozen=True)
class Run:
    """The boundaries a run passed, in order, and whether it was killed at the one it was to be killed at."""

    passed: tuple[Boundary, ...]
    killed: bool

    def names(self) -> list[str]:
        """What was done, in order, once each."""
        return [f"{each.side} {each.act}" for each in self.passed if not each.after]


@dataclass
class Points:
    """Numbers what passes, and calls `strike` at one boundary; from then on nothing passes."""

    at: Boundary | None
    strike: Callable[[], None]
    passed: list[Boundary] = field(default_factory=list)
    struck: bool = False
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def before(self, side: str, act: str) -> int | None:
        """The number of this doing; None if nothing may pass."""
        with self._lock:
            self._counts[side, act] += 1
            nth = self._counts[side, act]
            return nth if self._met(Boundary(side, act, nth)) else None

    def after(self, side: str, act: str, nth: int) -> bool:
        """Whether the answer may pass."""
        with self._lock:
            return self._met(Boundary(side, act, nth, after=True))

    def _met(self, boundary: Boundary) -> bool:
        if self.struck:
            return False
        self.passed.append(boundary)
        if boundary == self.at:
            self.struck = True
            self.strike()
        return not self.struck


@dataclass
class _Statements:
    """What a `StatementProxy` tells of."""

    points: Points

    def before(self, act: str) -> int | None:
        return self.points.before("db", act)

    def after(self, act: str, nth: int) -> bool:
        return self.points.after("db", act, nth)


@dataclass(eq=False)
class _Calls(Lie):
    """Told of every request to a node: a request is one boundary, named by the methods in it. It never lies."""

    points: Points
    _open: threading.local = field(default_factory=threading.local, init=False, repr=False)

    def refuse(self, questions: Sequence[Question]) -> Any | None:
        self._open.nth = self.points.before("node", _act(questions))
        if self._open.nth is None:
            raise HungUp
        return None

    def whole(self, questions: Sequence[Question], answers: Sequence[Answer]) -> Any | None:
        if not self.points.after("node", _act(questions), self._open.nth):
            raise HungUp
        return None


def run(work: Callable[[str], object], *, url: str, at: Boundary | None = None, seconds: float = 60) -> Run:
    """Run `work(url of a node)` in a forked child on the database in force, killed at `at`.

    The child's sessions are gone from the server when this returns. This thread's sessions end, and with them its
    advisory locks. Raises AssertionError where the work fails of itself or takes longer than `seconds`.
    """
    running: list[Any] = []
    points = Points(at, lambda: os.kill(running[0].pid, signal.SIGKILL))
    with ExitStack() as stack:
        proxies = _proxies(points)
        node = stack.enter_context(LyingNode(url, serving=False))
        stack.enter_context(node.lying(_Calls(points)))
        databases.leave()
        child = _fork.Process(target=_child, args=(work, node.url, {name: each.port for name, each in proxies.items()}))
        child.start()  # before any thread of ours begins: it inherits none, and no lock one holds
        running.append(child)
        for proxy in set(proxies.values()):
            stack.enter_context(proxy)
        node.serve()
        child.join(seconds)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise AssertionError(f"still running after {seconds} s, at {points.passed[-1:]}")
    expected = -signal.SIGKILL if points.struck else 0
    if child.exitcode != expected:
        raise AssertionError(f"the work ended with {child.exitcode}, not {expected}, at {points.passed[-1:]}")
    _await_end([port for proxy in set(proxies.values()) for port in proxy.sessions])
    return Run(tuple(points.passed), points.struck)


def sample(points: Iterable[Boundary], size: int, seed: int, *, reads: bool = False) -> list[Boundary]:
    """`size` of the boundaries, or all where there are fewer, chosen by `seed`; of reads only where asked for."""
    chosen = sorted({point for point in points if reads or not point.reads})
    return random.Random(seed).sample(chosen, min(size, len(chosen)))


def strike_each(
    points: Iterable[Boundary],
    work: Callable[[str], object],
    *,
    url: str,
    prepare: Callable[[], object],
    check: Callable[[Boundary], object],
) -> list[Boundary]:
    """For each boundary: prepare, run until killed there, check. Those that the run no longer came to: not killed."""
    missed = []
    for at in points:
        prepare()
        if not run(work, url=url, at=at).killed:
            missed.append(at)
        check(at)
    return missed


def _proxies(points: Points) -> dict[str, StatementProxy]:
    """A proxy for each alias; one for all that lead to the same server."""
    servers: dict[tuple[str, int], StatementProxy] = {}
    found = {}
    for alias in ALIASES:
        settings = connections.settings[alias]
        upstream = (settings["HOST"], int(settings["PORT"]))
        if upstream not in servers:
            servers[upstream] = StatementProxy(upstream, _Statements(points))
        found[alias] = servers[upstream]
    return found


def _child(work: Callable[[str], object], url: str, ports: dict[str, int]) -> None:
    for alias, port in ports.items():
        connections.settings[alias].update(HOST="127.0.0.1", PORT=port)
    work(url)
    connections.close_all()


def _await_end(ports: list[int]) -> None:
    """Wait until the server has ended the sessions: what they left open is rolled back, their locks are free."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE client_port = ANY(%s)"
    until(lambda: fetch_one(statement, [ports]) == (0,), seconds=20, what="the end of the sessions")


def _act(questions: Sequence[Question]) -> str:
    return "+".join(dict.fromkeys(question.method for question in questions))
