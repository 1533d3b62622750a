"""Types other rooms may import. Amounts are whole base units of `asset`; None is unknown, never zero."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

from apps.core.types import Severity

# Topics of the outbox.
BREAKS_FOUND = "reconciliation.breaks_found"
BREAK_ASSIGNED = "reconciliation.break_assigned"
RESOLUTION_PROPOSED = "reconciliation.resolution_proposed"
RESOLUTION_REJECTED = "reconciliation.resolution_rejected"
BREAK_RESOLVED = "reconciliation.break_resolved"


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
    PROVEN = "PROVEN", "a storage proof of every balance against the block's state root"


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


# Units moved, or are counted on one side alone: the books or the chain are wrong about who owns what.
CRITICAL_KINDS = frozenset(
    {
        BreakKind.MISSING_ON_CHAIN,
        BreakKind.MISSING_IN_BOOKS,
        BreakKind.AMOUNT,
        BreakKind.DUPLICATE_POSTING,
        BreakKind.WRONG_WALLET,
        BreakKind.SUPPLY,
        BreakKind.UNAUTHORISED_ACTION,
        BreakKind.DVP_ONE_LEG,
        BreakKind.REORG_ORPHANED,
        BreakKind.DECIMALS,
        BreakKind.PROJECTION,
    }
)
SEVERITIES = {kind: Severity.CRITICAL if kind in CRITICAL_KINDS else Severity.ERROR for kind in BreakKind} | {
    BreakKind.STALE_INTENT: Severity.WARNING
}
# What may be closed as it is found: no units of the books differ. Of an unauthorised action, once it has been undone.
ACCEPTABLE_KINDS = frozenset(
    {
        BreakKind.UNAUTHORISED_ACTION,
        BreakKind.FROZEN_STATE,
        BreakKind.IDENTITY_STATE,
        BreakKind.PAUSE_STATE,
        BreakKind.STALE_INTENT,
        BreakKind.DVP_ONE_LEG,
        BreakKind.FEE_NETTING,
    }
)


class BreakState(TextChoices):
    """Where a break stands. Those in UNSETTLED are open for the age, the alert and the metrics."""

    OPEN = "OPEN", "nobody has proposed what is to become of it"
    PROPOSED = "PROPOSED", "a resolution waits for a second person"
    RESOLVED = "RESOLVED", "closed by a resolution that two people decided on"
    CLEARED = "CLEARED", "no longer found by a run that could tell"


UNSETTLED = (BreakState.OPEN, BreakState.PROPOSED)


class BreakChange(TextChoices):
    """What a run, or a person, did to a break."""

    RAISED = "RAISED", "seen for the first time"
    SEEN = "SEEN", "still there"
    REOPENED = "REOPENED", "back again: its age counts from the first time"
    CLEARED = "CLEARED", "no longer there"
    ASSIGNED = "ASSIGNED", "given to an owner"
    EXPLAINED = "EXPLAINED", "explained by a person"
    PROPOSED = "PROPOSED", "a resolution was proposed"
    REJECTED = "REJECTED", "a proposal was turned down"
    RESOLVED = "RESOLVED", "a proposal was approved and carried out"


# The changes in which a run saw the break.
SIGHTINGS = (BreakChange.RAISED, BreakChange.SEEN, BreakChange.REOPENED)


class ResolutionKind(TextChoices):
    """How a break is closed."""

    POST = "POST", "post the entry that brings the books to what the chain says"
    ACCEPT = "ACCEPT", "accept what is found, as it is found"


class ResolutionState(TextChoices):
    """A resolution is decided once. LAPSED: a run cleared its break before anybody decided."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    LAPSED = "LAPSED", "the break was gone before a decision"


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

    `remedy` is None where no entry can mend it: a state on the chain, a row changed past the ledger. `details` hold
    what stays as it is while nothing happens: they are part of what an acceptance accepts. What changes by itself (an
    age, a number of tries) belongs in `message`.
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
    severity: str
    owner_id: UUID | None
    remedy: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class RunView:
    """One reconciliation. `problems` says in sentences why it is INCOMPLETE or VOID; `whole`, that every wallet was
    looked at.
    """

    id: UUID
    isin: str
    depth: str
    whole: bool
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


@dataclass(frozen=True, slots=True)
class LookBack:
    """What a run at an earlier block would find. Nothing of it is written."""

    isin: str
    status: str
    cut_off: CutOffView | None
    problems: tuple[str, ...]
    wallets: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class BreakEventView:
    """What a run saw of a break (`run_id`), or what a person did about it (`user_id`)."""

    id: int
    change: str
    run_id: UUID | None
    user_id: UUID | None
    kind: str
    expected: int | None
    actual: int | None
    events: int | None
    tx_hash: str
    message: str
    details: dict[str, Any]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ResolutionView:
    """A proposal and its decision. `transfer_id` is the ledger transfer that cites it, once it was posted."""

    id: UUID
    break_id: UUID
    kind: str
    state: str
    reason: str
    asset: str
    decimals: int
    remedy: dict[str, Any] | None
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    transfer_id: int | None


@dataclass(frozen=True, slots=True)
class AttestationView:
    """The signed statement of a run. `statement` is the text that is signed behind its domain; totals in base units.

    `positions_root` is of the tree over all positions; `booked` and `units` are their sums in the books and on the
    chain, `supply` what the token's storage says.
    """

    id: UUID
    run_id: UUID
    isin: str
    block_number: int
    block_hash: str
    state_root: str
    positions: int
    positions_root: str
    decimals: int
    booked: int
    units: int
    supply: int
    statement: str
    signature: str
    public_key: str
    key_id: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """A stored log of the break's transaction or wallet, and the ledger transfer that books it, if one does."""

    block_number: int
    log_index: int
    tx_hash: str
    token_address: str
    asset: str | None
    decimals: int | None
    from_address: str | None
    to_address: str | None
    amount: int | None
    finality: str
    transfer_id: int | None

    @property
    def moves(self) -> bool:
        """Whether units went from one address to another: a log of that sort has an entry."""
        return bool(self.amount and self.from_address and self.to_address)


@dataclass(frozen=True, slots=True)
class EntryEvidence:
    """A ledger transfer: one that books such a log, or that was posted by a resolution of the break."""

    id: int
    kind: str
    state: str
    asset: str
    decimals: int
    amount: int
    debit: str
    credit: str
    source_ref: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class TransactionEvidence:
    """A chain transaction of these logs; nothing but its hash is known of one that we did not send."""

    tx_hash: str
    intent_id: UUID | None
    kind: str
    state: str
    business_key: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is stored about a break, on each side."""

    logs: tuple[LogEvidence, ...]
    entries: tuple[EntryEvidence, ...]
    transactions: tuple[TransactionEvidence, ...]


@dataclass(frozen=True, slots=True)
class BreakDetail:
    """A break with all that happened to it, oldest first, and what is stored about it."""

    found: BreakView
    happened: tuple[BreakEventView, ...]
    resolutions: tuple[ResolutionView, ...]
    evidence: Evidence
