"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices

# The kind of the intents that mint.
MINT = "mint"


class IssuanceStatus(TextChoices):
    """Where an issuance stands."""

    REQUESTED = "REQUESTED"
    REJECTED = "REJECTED"
    SUBMITTED = "SUBMITTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class IssuanceDraft:
    """What an issuer asks for: `quantity` is a decimal string; the holder is a party or one of its wallets."""

    client_request_id: str
    isin: str
    quantity: str
    party_id: UUID | None = None
    wallet_address: str | None = None


@dataclass(frozen=True, slots=True)
class IssuanceView:
    """One issuance. `quantity` in base units of `quantity_decimals`."""

    id: UUID
    client_request_id: str
    issuer_party_id: UUID
    isin: str
    party_id: UUID
    wallet_address: str
    quantity: int
    quantity_decimals: int
    status: str
    requested_by: UUID
    approved_by: UUID | None
    rejected_by: UUID | None
    intent_id: UUID | None
    tx_hash: str
    failure_reason: str
    created_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedTotals:
    """The control total of a security in base units: authorized, issued, and reserved by what is under way."""

    isin: str
    authorized: int
    issued: int
    reserved: int
