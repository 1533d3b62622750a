"""A token's fold held against its storage: every holder and the supply, at one final block."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.chain.errors import NotCovered
from apps.chain.gateway import Node
from apps.chain.models import TokenBinding, TokenCheck
from apps.chain.selectors import holdings, storage
from apps.chain.selectors.blocks import blocks_by_hash
from apps.chain.types import Folds
from apps.core.db import within_unit_of_work

SUPPLY = "supply"
KEPT = 100  # differences written down of one check


@dataclass(frozen=True, slots=True)
class Difference:
    """What the logs say and what the storage says, in base units, of a wallet or of the SUPPLY."""

    who: str
    folded: int
    stored: int


@dataclass(frozen=True, slots=True)
class Check:
    """What was compared at a block. `unread` could not be read: neither equal nor different."""

    token: str
    block_number: int
    block_hash: str
    holders: int
    differences: tuple[Difference, ...]
    unread: int

    @property
    def passed(self) -> bool:
        """Whether all was read and all was equal."""
        return not self.differences and not self.unread


def check_token(*, node: Node, token: str, block_hash: str) -> Check:
    """Compare the fold of a token's logs with its storage at the end of a final block.

    Holders whom the logs do not tell of show in the supply. Raises NotCovered unless the block is final here and the
    token's logs are whole up to it, UndecodedLogs, and ChainUnavailable if the node does not answer at all.
    """
    block = blocks_by_hash([block_hash]).get(block_hash)
    if block is None or not block.is_final:
        raise NotCovered(address=token, block_hash=block_hash)
    fold = holdings.fold(token, block.number)
    stored: dict[str, int | None] = dict(storage.balances_at(node, token, fold.by_wallet, block_hash))
    stored[SUPPLY] = storage.total_supply_at(node, token, block_hash)
    differences = tuple(_differences({**fold.by_wallet, SUPPLY: fold.supply}, stored))
    unread = sum(units is None for units in stored.values())
    return Check(token, block.number, block_hash, len(fold.by_wallet), differences, unread)


def _differences(folded: dict[str, int], stored: dict[str, int | None]) -> Iterator[Difference]:
    for who, units in folded.items():
        found = stored[who]
        if found is not None and found != units:
            yield Difference(who, units, found)


@within_unit_of_work
def record_check(*, binding: TokenBinding, check: Check, now: datetime) -> TokenCheck:
    """Write down what was found; of many differences the first."""
    named = [{"who": d.who, "folded": str(d.folded), "stored": str(d.stored)} for d in check.differences[:KEPT]]
    return TokenCheck.objects.create(
        binding=binding,
        block_number=check.block_number,
        block_hash=check.block_hash,
        folds=Folds(binding.folds),
        holders=check.holders,
        unread=check.unread,
        differing=len(check.differences),
        differences=named,
        at=now,
    )
