"""Logs and postings of one token: what the chain says moved, and what the books say did."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.chain.types.events import ZERO_ADDRESS
from apps.ledger.types import TransferKind

Effects = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Log:
    """A movement the chain shows. `ours`: sent for an intent of ours; `noted`: the projection could not explain it."""

    tx_hash: str
    block_hash: str
    block_number: int
    log_index: int
    sender: str
    recipient: str
    amount: int
    canonical: bool = True
    ours: bool = True
    noted: bool = False

    @property
    def ends(self) -> tuple[str, str]:
        """Who gave and who received; the zero address for a mint or a burn."""
        return self.sender, self.recipient

    @property
    def key(self) -> str:
        """What makes it one log."""
        return f"log:{self.block_hash}:{self.log_index}"


@dataclass(frozen=True, slots=True)
class Posting:
    """A posted ledger transfer. `cited`: the transaction it is for, or itself ("posting:7") where none is found.

    `orphaned`: the block it cites is not canonical. Ends are wallets, the zero address for a control account.
    """

    id: int
    idem_key: str
    kind: str
    debit: str
    credit: str
    amount: int
    cited: str = ""
    orphaned: bool = False

    @property
    def ends(self) -> tuple[str, str]:
        """Who gave and who received."""
        return self.debit, self.credit

    @property
    def tx_hash(self) -> str:
        """The transaction it is for, empty where none is found."""
        return self.cited if self.cited.startswith("0x") else ""

    @property
    def is_correction(self) -> bool:
        """Whether it mends another posting, or books what was left out."""
        return self.kind == TransferKind.CORRECTION


def effects(ends: tuple[str, str], amount: int) -> dict[str, int]:
    """What a movement does to wallets; the zero address is nobody."""
    sender, recipient = ends
    found: dict[str, int] = {}
    for wallet, units in ((sender, -amount), (recipient, amount)):
        if wallet != ZERO_ADDRESS:
            found[wallet] = found.get(wallet, 0) + units
    return found


def added(*parts: Effects) -> dict[str, int]:
    """The sum of effects, wallet by wallet."""
    total: dict[str, int] = {}
    for part in parts:
        for wallet, units in part.items():
            total[wallet] = total.get(wallet, 0) + units
    return total


def negated(part: Effects) -> dict[str, int]:
    """The opposite."""
    return {wallet: -units for wallet, units in part.items()}
