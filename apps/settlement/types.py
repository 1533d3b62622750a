"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import TextChoices

# Topics of the outbox.
SETTLED = "settlement.settled"
FAILED = "settlement.failed"
MOVEMENT_FINAL = "settlement.movement_final"


class ProcessingStatus(TextChoices):
    """ISO 20022 processing status of an instruction."""

    PACK = "PACK", "accepted for processing"
    REJT = "REJT", "rejected"
    CAND = "CAND", "cancellation requested"
    CANC = "CANC", "cancelled"


class SettlementStatus(TextChoices):
    """ISO 20022 settlement status of an instruction."""

    PEND = "PEND", "pending"
    PENF = "PENF", "failing, to be tried again"
    SETT = "SETT", "settled"


class Reason(TextChoices):
    """ISO 20022 reason codes we use; what exactly happened stands beside it in `reason_detail`."""

    LACK = "LACK", "lack of securities"
    MONY = "MONY", "insufficient money"
    BLOC = "BLOC", "account blocked"
    SBLO = "SBLO", "securities blocked"
    LATE = "LATE", "deadline missed"
    CANS = "CANS", "cancelled by the system"
    OTHR = "OTHR", "other"


class ContractKind(TextChoices):
    """What a projected contract is."""

    SECURITY = "SECURITY"
    CASH = "CASH"


class MovementKind(TextChoices):
    """Why a token movement outside a trade is expected."""

    ISSUE = "ISSUE"


class MovementState(TextChoices):
    """Where an expected movement stands."""

    EXPECTED = "EXPECTED"
    POSTED = "POSTED"
    FAILED = "FAILED"


class Unexplained(TextChoices):
    """Why a token movement was written down for reconciliation."""

    MINT = "MINT", "a mint we did not order"
    BURN = "BURN", "a burn we did not order"
    TRANSFER = "TRANSFER", "a transfer outside our trades"
    CASH_SHORTFALL = "CASH_SHORTFALL", "more cash left a wallet than the books had available"
    OVERSIZE = "OVERSIZE", "an amount the books cannot hold"


@dataclass(frozen=True, slots=True)
class SettlementPolicy:
    """How instructions are sent and given up."""

    batch: int = 50
    max_attempts: int = 3
    retry_after: timedelta = timedelta(seconds=10)
    lifetime: timedelta = timedelta(days=1)


POLICY = SettlementPolicy()
# How the detail of a failure begins that struck the whole call, and so says nothing about one trade.
CALL_FAILED = "CALL_FAILED"


@dataclass(frozen=True, slots=True)
class InstructionDraft:
    """What the matcher knows of a trade to be settled. Amounts in base units, wallets in lower case.

    The two PENDING ledger transfers exist already, with the idempotency keys `{trade_ref}:security` and
    `{trade_ref}:cash`; the four ids are the accounts they leave and reach.
    `deadline` None means POLICY.lifetime after the intended settlement date begins (or after now, if later).
    """

    trade_ref: str
    isin: str
    seller_party_id: UUID
    buyer_party_id: UUID
    seller_wallet: str
    buyer_wallet: str
    security_debit_account_id: UUID
    security_credit_account_id: UUID
    cash_debit_account_id: UUID
    cash_credit_account_id: UUID
    quantity: int
    cash_asset: str
    cash_amount: int
    trade_date: date
    intended_settlement_date: date
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class InstructionView:
    """One settlement instruction."""

    id: UUID
    trade_ref: str
    isin: str
    seller_party_id: UUID
    buyer_party_id: UUID
    seller_wallet: str
    buyer_wallet: str
    quantity: int
    cash_asset: str
    cash_amount: int
    trade_date: date
    intended_settlement_date: date
    deadline: datetime
    processing_status: str
    settlement_status: str
    reason_code: str
    reason_detail: str
    attempts: int
    intent_id: UUID | None
    tx_hash: str
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovementView:
    """An expected token movement outside any trade."""

    ref: str
    kind: str
    asset: str
    wallet_address: str
    amount: int
    intent_id: UUID
    state: str
    tx_hash: str


@dataclass(frozen=True, slots=True)
class UnexplainedView:
    """A token movement nothing of ours explains. `amount` in base units."""

    id: int
    reason: str
    asset: str
    contract_address: str
    tx_hash: str
    block_hash: str
    block_number: int
    log_index: int
    from_address: str
    to_address: str
    amount: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class CursorView:
    """How far the projection is: number and hash of the last final block in the books."""

    number: int
    hash: str
    moved_at: datetime
