"""Types other rooms may import. Amounts are whole base units of the account's asset."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import TextChoices


class AccountKind(TextChoices):
    """What an account stands for. POSITION and CASH belong to a wallet; the rest are control accounts."""

    POSITION = "POSITION"
    CASH = "CASH"
    ISSUANCE = "ISSUANCE"
    EXTERNAL = "EXTERNAL"
    SUSPENSE = "SUSPENSE"


HOLDER_KINDS = (AccountKind.POSITION, AccountKind.CASH)


class TransferState(TextChoices):
    """PENDING reserves; POSTED moves; VOIDED and EXPIRED give back what a PENDING one reserved."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"
    EXPIRED = "EXPIRED"


class TransferKind(TextChoices):
    """Why an amount moves."""

    ISSUE = "ISSUE"
    REDEEM = "REDEEM"
    SETTLEMENT_SECURITY = "SETTLEMENT_SECURITY"
    SETTLEMENT_CASH = "SETTLEMENT_CASH"
    CASH_IN = "CASH_IN"
    CASH_OUT = "CASH_OUT"
    CASH_MOVE = "CASH_MOVE"
    SHORTFALL = "SHORTFALL"
    RECOVERY = "RECOVERY"
    WALLET_RECOVERY = "WALLET_RECOVERY"
    CORRECTION = "CORRECTION"


class AccountKey(NamedTuple):
    """What identifies an account; equal to the plain tuple (asset, kind, wallet)."""

    asset: str
    kind: str
    wallet_address: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` leaves the debit account and reaches the credit account. `idem_key` makes it happen once."""

    idem_key: str
    debit_account_id: UUID
    credit_account_id: UUID
    amount: int
    kind: str
    source_ref: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class PendingTransfer(Transfer):
    """A transfer that only reserves its amount on the debit account until it is posted, voided or expired."""


class Entry(NamedTuple):
    """A transfer as it is written; `pending_id` names the pending transfer it ends."""

    idem_key: str
    debit_account_id: UUID
    credit_account_id: UUID
    amount: int
    kind: str
    source_ref: str
    effective_at: datetime
    state: TransferState
    pending_id: int | None = None


class Resolution(NamedTuple):
    """The end of a pending transfer, named by its key; `idem_key` is the resolving transfer's own."""

    pending_idem_key: str
    idem_key: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """Holds (`amount` above 0) or releases (below 0) on an account, for what `source_ref` names."""

    idem_key: str
    account_id: UUID
    amount: int
    source_ref: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What is booked, and how much of it holds and pending debits reserve."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        """What may still be spent."""
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Position:
    """One account with its balance."""

    account_id: UUID
    asset: str
    kind: str
    wallet_address: str | None
    party_id: UUID | None
    settled: int
    held: int
    decimals: int

    @property
    def available(self) -> int:
        """What may still be spent."""
        return self.settled - self.held


class Standing(NamedTuple):
    """A balance in full: `pending` is the part of `held` that pending debits reserve."""

    posted: int
    held: int
    pending: int


@dataclass(frozen=True, slots=True)
class FoldDifference:
    """An account whose stored balance is not the fold of its transfers and holds: the books are broken.

    `stored` is None for an account without a balance row.
    """

    account_id: UUID
    asset: str
    stored: Standing | None
    folded: Standing
