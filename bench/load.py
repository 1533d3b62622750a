"""Load over HTTP, and the latencies it saw.

An open load sends on schedule whether or not earlier answers are back, and measures from the moment a request was
due: a server that stalls is charged for everyone who had to wait (no coordinated omission).
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit


class Client:
    """One kept-alive connection. Not for use by several threads at once."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        self._headers = {"Content-Type": "application/json", **headers}

    def post(self, path: str, body: dict[str, Any]) -> int:
        """The status; the answer is read whole."""
        self._connection.request("POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds of each request that succeeded, and how many did not."""

    seconds: Sequence[float]
    failed: int

    def milliseconds(self, percent: int) -> float:
        """A percentile."""
        return round(quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000, 2)


Send = Callable[[int], int]


def one_after_another(number: int, send: Send, pause: float = 0.02) -> Latencies:
    """Requests on an idle server: each after the answer to the one before, and a pause."""
    taken: list[float] = []
    failed = 0
    for index in range(number):
        began = time.perf_counter()
        status = send(index)
        taken.append(time.perf_counter() - began)
        failed += status >= http.client.BAD_REQUEST
        time.sleep(pause)
    return Latencies(taken, failed)


def on_schedule(number: int, rate: float, senders: Sequence[Send]) -> Latencies:
    """`rate` requests a second whatever the server does, dealt to the senders in turn, one thread each."""
    begin = time.perf_counter() + 0.2
    taken: list[float] = []
    failed = [0]
    lock = threading.Lock()

    def work(which: int, send: Send) -> None:
        for index in range(which, number, len(senders)):
            due = begin + index / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            status = send(index)
            with lock:
                taken.append(time.perf_counter() - due)
                failed[0] += status >= http.client.BAD_REQUEST

    with ThreadPoolExecutor(len(senders)) as pool:
        list(pool.map(work, range(len(senders)), senders))
    return Latencies(taken, failed[0])


def as_fast_as_possible(seconds: float, senders: Sequence[Send]) -> tuple[int, float]:
    """How many requests succeeded in how many seconds, each sender sending again at once."""
    counts = [0] * len(senders)
    until = time.perf_counter() + seconds

    def work(which: int, send: Send) -> None:
        while time.perf_counter() < until:
            counts[which] += send(counts[which]) < http.client.BAD_REQUEST

    began = time.perf_counter()
    with ThreadPoolExecutor(len(senders)) as pool:
        list(pool.map(work, range(len(senders)), senders))
    return sum(counts), time.perf_counter() - began
