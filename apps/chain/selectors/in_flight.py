"""Several questions to one node at once, their answers in order, no more held than are under way."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from django.db import connections

AT_ONCE = 3  # of which one is being read here

Part = TypeVar("Part")
Answer = TypeVar("Answer")


def in_order(ask: Callable[[Part], Answer], parts: Iterable[Part]) -> Iterator[tuple[Part, Answer]]:
    """Each part with what `ask` says of it, while the next ones are asked in threads. Raises what `ask` raises."""
    under_way: deque[tuple[Part, Future[Answer]]] = deque()
    with _threads() as pool:
        for part in parts:
            under_way.append((part, pool.submit(ask, part)))
            if len(under_way) == AT_ONCE:
                yield _arrived(*under_way.popleft())
        while under_way:
            yield _arrived(*under_way.popleft())


def _arrived(part: Part, answer: Future[Answer]) -> tuple[Part, Answer]:
    return part, answer.result()


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the block, and with them their connections to the database: circuits are kept there."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="chain") as pool:
        try:
            yield pool
        finally:
            together = Barrier(AT_ONCE)
            for _ in range(AT_ONCE):
                pool.submit(_leave, together)


def _leave(together: Barrier) -> None:
    together.wait()  # so that each thread does it once
    connections.close_all()
