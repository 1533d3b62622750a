"""The nodes beside the one that is followed, as the stream sees them. No Django, no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apps.chain.fetching.endpoint import Call


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

    def testify(self, number: int, calls: Sequence[Call]) -> Sequence[Sequence[Any] | None]:
        """What each that is as high as `number` answers to the calls, as Node.batch does; None of one that failed."""


class Nobody:
    """There is one node."""

    def sights(self) -> Sequence[Sight]:
        """None."""
        return ()

    def keep(self, number: int, block_hash: str) -> bool:
        """No."""
        return False

    def testify(self, number: int, calls: Sequence[Call]) -> Sequence[Sequence[Any] | None]:
        """Nothing."""
        return ()


NOBODY = Nobody()
