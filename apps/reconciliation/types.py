"""Types other rooms may import. Amounts are whole base units of `asset`; None is unknown, never zero."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

# Topic of the outbox.
BREAKS_FOUND = "reconciliation.breaks_found"


class RunStatus(TextChoices):
    """How a comparison ended. Only CLEAN says that books and chain agree."""

    CLEAN = "CLEAN", "books, events and chain storage agree"
    BREAKS = "BREAKS", "differences found"
    INCOMPLETE = "INCOMPLETE", "something could not be read: nothing is concluded from it"
    VOID = "VOID", "the cut-off does not stand: run again"


class RunDepth(TextChoices):
    """What a run takes for the truth of the chain, at the cut-off block."""

    FOLD = "FOLD", "the fold of final logs, and the token's own totals"
    FULL = "FULL", "the token's answer for every wallet"
    PROVEN = "PROVEN", "that, and a storage proof of every balance"


class BreakKind(TextChoices):
    """The eighteen ways in which books and chain may differ."""

    MISSING_ON_CHAIN = "MISSING_ON_CHAIN", "booked, and not on the chain"
    MISSING_IN_BOOKS = "MISSING_IN_BOOKS", "on the chain, and not booked"
    AMOUNT = "AMOUNT", "another amount on the chain than in the books"
    DUPLICATE_POSTING = "DUPLICATE_POSTING", "one event booked twice"
    WRONG_WALLET = "WRONG_WALLET", "booked to another wallet"
    UNKNOWN_HOLDER = "UNKNOWN_HOLDER", "held by a wallet that belongs to nobody we know"
    SUPPLY = "SUPPLY", "wallets, supply and issued total differ"
    FROZEN_STATE = "FROZEN_STATE", "frozen here and not there"
    IDENTITY_STATE = "IDENTITY_STATE", "verified here and not there"
    PAUSE_STATE = "PAUSE_STATE", "paused here and not there"
    UNAUTHORISED_ACTION = "UNAUTHORISED_ACTION", "moved by somebody outside our processes"
    FEE_NETTING = "FEE_NETTING", "less arrived than was sent"
    DVP_ONE_LEG = "DVP_ONE_LEG", "one leg of a trade settled alone"
    REORG_ORPHANED = "REORG_ORPHANED", "booked from a block that is not canonical"
    STALE_INTENT = "STALE_INTENT", "a chain transaction of ours without an end"
    DECIMALS = "DECIMALS", "counted in other units"
    PROJECTION = "PROJECTION", "the stored events do not add up to chain storage"
    CASH_LEG = "CASH_LEG", "cash of a holder differs"


class BreakState(TextChoices):
    """OPEN as of the last run that could tell; CLEARED when such a run no longer found it."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"


class BreakChange(TextChoices):
    """What a run did to a break."""

    RAISED = "RAISED", "seen for the first time"
    SEEN = "SEEN", "still there"
    REOPENED = "REOPENED", "back again: its age counts from the first time"
    CLEARED = "CLEARED", "no longer there"


@dataclass(frozen=True, slots=True)
class Remedy:
    """The entry that would bring the books to what the chain says: `amount` base units from debit to credit.

    Each side is a kind of account (AccountKind) and its wallet, None for a control account.
    """

    debit: tuple[str, str | None]
    credit: tuple[str, str | None]
    amount: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference a run found. `identity` makes it the same break from run to run, whatever its amounts.

    `remedy` is None where no entry can mend it: a state on the chain, a row changed past the ledger.
    """

    kind: BreakKind
    identity: str
    message: str
    asset: str
    decimals: int
    wallet_address: str | None = None
    books: int | None = None
    events: int | None = None
    chain: int | None = None
    tx_hash: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class CutOffView:
    """The block at which a run compared, and the newest ledger transfer it saw.

    `endpoints` names the configured nodes that confirmed block hash and state root.
    """

    chain_id: int
    block_number: int
    block_hash: str
    block_time: datetime
    state_root: str
    ledger_sequence: int
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BreakView:
    """A break as one run saw it, or in lists as it was last seen: `expected` in the books, `actual` on the chain."""

    id: UUID
    isin: str
    kind: str
    state: str
    asset: str
    decimals: int
    wallet_address: str | None
    expected: int | None
    actual: int | None
    events: int | None
    tx_hash: str
    message: str
    details: dict[str, Any]
    first_seen_at: datetime
    last_seen_at: datetime
    run_id: UUID


@dataclass(frozen=True, slots=True)
class RunView:
    """One reconciliation. `problems` says in sentences why it is INCOMPLETE or VOID."""

    id: UUID
    isin: str
    status: str
    cut_off: CutOffView | None
    problems: tuple[str, ...]
    wallets: int
    unknown_reads: int
    in_flight: int
    breaks_found: int
    started_at: datetime
    finished_at: datetime
    user_id: UUID | None
    breaks: tuple[BreakView, ...] = ()
