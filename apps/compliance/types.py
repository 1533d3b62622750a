"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices


class KycStatus(TextChoices):
    """What the platform knows of an investor's identity."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class ClaimStatus(TextChoices):
    """Where a wallet's on-chain identity claim stands. Approved in the books is not yet final on chain."""

    NONE = "NONE"
    REQUESTED = "REQUESTED"
    FINAL = "FINAL"
    FAILED = "FAILED"


class RegistrationStatus(TextChoices):
    """Where a wallet's registration in one token's identity registry stands."""

    REQUESTED = "REQUESTED"
    REGISTERED = "REGISTERED"
    FAILED = "FAILED"


class Action(TextChoices):
    """The act a party asks to be eligible for."""

    ISSUANCE = "ISSUANCE"
    ORDER = "ORDER"
    SETTLEMENT = "SETTLEMENT"


class RuleCode(TextChoices):
    """Why a party may not act; a decision lists every rule that refuses."""

    NO_PROFILE = "NO_PROFILE", "no investor profile"
    KYC_NOT_APPROVED = "KYC_NOT_APPROVED", "identity not verified"
    KYC_EXPIRED = "KYC_EXPIRED", "identity verification expired"
    NOT_ACCREDITED = "NOT_ACCREDITED", "Rule 506(c): every purchaser must be accredited"
    US_PERSON = "US_PERSON", "Regulation S: not for US persons"
    WALLET_MISSING = "WALLET_MISSING", "no proved wallet of this party"
    CLAIM_NOT_FINAL = "CLAIM_NOT_FINAL", "the wallet's identity claim is not final on chain"
    WALLET_NOT_REGISTERED = "WALLET_NOT_REGISTERED", "the wallet is not registered with this token"
    SECURITY_UNKNOWN = "SECURITY_UNKNOWN", "no such security"
    SECURITY_NOT_ACTIVE = "SECURITY_NOT_ACTIVE", "the security is not active"


@dataclass(frozen=True, slots=True)
class Subject:
    """One question: may `party_id` act in `isin`, with this wallet (or its trading wallet)? `ref` names the answer."""

    ref: str
    party_id: UUID
    isin: str
    wallet_address: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The recorded answer: allowed, or every rule that refused."""

    ref: str
    party_id: UUID
    isin: str
    action: Action
    wallet_address: str | None
    codes: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """True if no rule refused."""
        return not self.codes


@dataclass(frozen=True, slots=True)
class ProfileView:
    """An investor's standing. `claim_status` is the furthest any of the party's wallets has come."""

    party_id: UUID
    kyc_status: str
    kyc_decided_at: datetime | None
    kyc_expires_at: datetime | None
    claim_status: str
    accredited: bool
    accreditation_claimed: bool
    tax_residence: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KycDecisionDraft:
    """An officer's decision on an investor's identity and investor class."""

    status: KycStatus
    reason: str
    accredited: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChallengeView:
    """A message (EIP-4361) whose signature proves a wallet."""

    challenge_id: UUID
    message: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WalletView:
    """A proved wallet and the securities it may hold."""

    address: str
    party_id: UUID
    claim_status: str
    registered_isins: tuple[str, ...]
    proved_at: datetime
