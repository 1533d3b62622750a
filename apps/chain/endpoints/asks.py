"""What the stream asks of a node, and of the nodes beside it. No Django, no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Call = tuple[str, Sequence[Any]]


class Bounds(Protocol):
    """What a node takes in one question, as far as it is known."""

    @property
    def blocks(self) -> int:
        """Blocks of one range of logs."""

    @property
    def answer_bytes(self) -> int:
        """Bytes to aim at in one answer."""

    @property
    def batch_calls(self) -> int:
        """Calls of one batch; `batch` cuts longer ones itself."""


class Asks(Protocol):
    """A node that fetching asks. Errors are those of gateway.Node."""

    name: str
    chain_id: int

    @property
    def limits(self) -> Bounds:
        """Learned from what it refused."""

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises ChainUnavailable, WrongChain, or RpcError as the node answered."""

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in the order of `calls`; an RpcError stands where the node refused one."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a node said of itself. `final` is None on a chain that has no final block yet, or no such tag."""

    name: str
    head: int
    final: int | None
    final_hash: str | None


class Others(Protocol):
    """The healthy nodes beside the one that is followed."""

    def sights(self) -> Sequence[Sight]:
        """What each last said."""

    def keep(self, number: int, block_hash: str) -> bool:
        """Whether one of them still has this block, and is as high: then it is followed instead."""


class Nobody:
    """There is one node."""

    def sights(self) -> Sequence[Sight]:
        """None."""
        return ()

    def keep(self, number: int, block_hash: str) -> bool:
        """No."""
        return False


NOBODY = Nobody()
