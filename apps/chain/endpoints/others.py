"""The nodes beside the one that is followed, as the stream sees them. No Django, no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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
