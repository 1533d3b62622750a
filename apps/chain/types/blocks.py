"""Blocks, logs and what is folded from them, as other rooms see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import TextChoices

from apps.chain.types.events import ChainEvent, Transfer
from apps.chain.types.security_tokens import MovedByPartition
from apps.chain.types.standards import Folds


class Finality(TextChoices):
    """Whether a block can still be reorganised away. Books see FINAL only."""

    OBSERVED = "OBSERVED"
    FINAL = "FINAL"


class ContractKind(TextChoices):
    """Why a contract's logs are kept."""

    SECURITY = "SECURITY"
    CASH = "CASH"
    DVP = "DVP"
    FACTORY = "FACTORY"
    REGISTRY = "REGISTRY"
    IDENTITY = "IDENTITY"
    AUTHORITY = "AUTHORITY"


class LetterEnd(TextChoices):
    """How a log that did not decode came to wait no more."""

    DECODED = "DECODED", "a later codec reads it"
    DISMISSED = "DISMISSED", "two people found that it changes no balance"


class EffectKind(TextChoices):
    """What a log changes of a token's holders."""

    MOVED = "M", "units moved from one wallet to another"
    PARTITION = "P", "units moved, as an event of partitions tells it"
    FROZEN = "F", "units of a wallet were frozen"
    UNFROZEN = "U", "units of a wallet were unfrozen"


@dataclass(frozen=True, slots=True)
class BlockView:
    """One block. `timestamp` is chain time, UTC."""

    number: int
    hash: str
    parent_hash: str
    timestamp: datetime
    state_root: str
    canonical: bool
    finality: str

    @property
    def is_final(self) -> bool:
        """Whether the block is final (and so canonical)."""
        return self.finality == Finality.FINAL


@dataclass(frozen=True, slots=True)
class LogView:
    """One log of a watched contract, in chain order by (block_number, log_index).

    `event` is the decoded log, None where its topic is none we know. A log that claims a known topic but does
    not decode is a dead letter: its event is None and `undecodable` says so.
    """

    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str
    tx_index: int
    address: str
    topics: tuple[str, ...]
    data: str
    event: ChainEvent | None
    undecodable: bool = False
    folds: Folds = Folds.TRANSFER

    @property
    def transfer(self) -> Transfer | None:
        """What it moves of its token's balances, told by the family of events that token is folded from."""
        if self.folds == Folds.TRANSFER:
            return self.event if isinstance(self.event, Transfer) else None
        return Transfer(*self.event.movement) if isinstance(self.event, MovedByPartition) else None


@dataclass(frozen=True, slots=True)
class Holdings:
    """A token's holders at the end of a final block, folded from its Transfer logs. Base units, no zero rows."""

    token: str
    block_number: int
    by_wallet: Mapping[str, int]
    supply: int


@dataclass(frozen=True, slots=True)
class StreamView:
    """How far ingestion is. `halted` names why it stopped for good, empty while it runs."""

    number: int
    hash: str
    final_number: int | None
    halted: str
    moved_at: datetime
