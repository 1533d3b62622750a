"""What is read in a thread while the last is stored: one batch ahead, never more."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import connections

from apps.chain.errors import RpcError
from apps.core.errors import DomainError

Wanted = TypeVar("Wanted")
Read = TypeVar("Read")


class OneAhead(Generic[Wanted, Read]):
    """A batch that was asked for before it is wanted, known by what will be wanted of it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._asked: tuple[Wanted, Future[Read | None]] | None = None

    def ask(self, wanted: Wanted, read: Callable[[], Read | None]) -> None:
        """Read in the thread. What fails there is read again by who wants it, who says why."""
        self._asked = wanted, self._threads.submit(_quietly, read)

    def take(self, wanted: Wanted) -> Read | None:
        """The batch, waited for; None if another one was asked for, or it did not come."""
        asked, self._asked = self._asked, None
        if asked is None:
            return None
        found = asked[1].result()
        return found if asked[0] == wanted else None

    def drop(self) -> None:
        """Forget what was asked for, once it has come: nobody uses the node any more."""
        if self._asked is not None:
            self._asked[1].result()
        self._asked = None


def _quietly(read: Callable[[], Read | None]) -> Read | None:
    try:
        return read()
    except (DomainError, RpcError):
        return None
    finally:
        # The breaker's row was read in a session of this thread's own.
        connections.close_all()
