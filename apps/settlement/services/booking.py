"""What is to be booked: the meaning of some final blocks, with what it takes to read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.chain.types import LogView
from apps.settlement.explain import Meaning
from apps.settlement.models import ProjectedContract
from apps.settlement.services.status import Evidence


@dataclass(frozen=True, slots=True)
class Booking:
    """What some final blocks mean, the tokens followed by address, and chain time by block hash."""

    meaning: Meaning
    tokens: Mapping[str, ProjectedContract]
    times: Mapping[str, datetime]

    def evidence(self, entry: LogView) -> Evidence:
        """Where the chain shows it."""
        return Evidence(entry.tx_hash, entry.block_number, self.times[entry.block_hash])


def key_of(entry: LogView) -> str:
    """The idempotency key of what one log books."""
    return f"log:{entry.block_hash}:{entry.log_index}"
