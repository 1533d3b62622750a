"""How much is done at once: as much as stays well below a second. Knows no Django."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Of a chunk. What commits later than a second holds up the audit trail, and who waits for a row of the chunk.
WANTED_SECONDS = 0.2
SMALLEST, LARGEST = 10, 2_000
GROWTH = 2.0


class Pace:
    """The size of the next chunk, by how long the last one took."""

    def __init__(self, size: int = 100, *, largest: int = LARGEST) -> None:
        self.size, self._largest = size, largest
        self.longest_seconds = 0.0

    @contextmanager
    def chunk(self) -> Iterator[int]:
        """The size, measured by how long the block takes."""
        began = time.monotonic()
        yield self.size
        self.took(time.monotonic() - began)

    def took(self, seconds: float) -> None:
        """Learn of a chunk of the present size."""
        self.longest_seconds = max(self.longest_seconds, seconds)
        factor = min(GROWTH, WANTED_SECONDS / max(seconds, 1e-6))
        self.size = max(SMALLEST, min(self._largest, int(self.size * factor)))
