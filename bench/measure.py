"""What a benchmark returns, and how it is repeated."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import Any

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """`units` of work done in `seconds`."""

    units: int
    seconds: float

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Seconds since the block began, until it ended. Garbage of the set-up is collected first."""
    gc.collect()
    began, ended = time.perf_counter(), 0.0

    def elapsed() -> float:
        return (ended or time.perf_counter()) - began

    yield elapsed
    ended = time.perf_counter()


def measure(benchmark: ModuleType, say: Callable[[str], None]) -> dict[str, Any]:
    """What one benchmark found: of its own shape if it has `report`, else the rates of ours and peer."""
    if hasattr(benchmark, "report"):
        return {"bench": benchmark.NAME, **benchmark.report(lambda text: say(f"{benchmark.NAME} {text}"))}
    return _rates(benchmark, say)


def _rates(benchmark: ModuleType, say: Callable[[str], None]) -> dict[str, Any]:
    """Alternate ours and peer; the medians of their rates."""
    samples: dict[str, list[Sample]] = {"ours": [], "peer": []}
    getattr(benchmark, "prepare", lambda: None)()
    try:
        for number in range(1, ROUNDS + 1):
            for side, taken in samples.items():
                taken.append(getattr(benchmark, side)())
                say(f"{benchmark.NAME} round {number}/{ROUNDS} {side}: {taken[-1].rate:,.1f} {benchmark.UNIT}")
    finally:
        getattr(benchmark, "finish", lambda: None)()
    ours, peer = (median(sample.rate for sample in taken) for taken in samples.values())
    line = {"bench": benchmark.NAME, "ours": round(ours, 2), "peer": round(peer, 2), "ratio": round(ours / peer, 2)}
    if getattr(benchmark, "AS_SECONDS", False):
        line["seconds"] = round(1 / ours, 3)
    return {**line, "unit": benchmark.UNIT}
