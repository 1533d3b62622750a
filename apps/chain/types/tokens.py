"""Tokens bound to ISINs and wallets' identities, as other rooms see them."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextChoices

KYC_TOPIC = 1  # the one claim topic our tokens ask for

# Topics of the outbox.
TOKEN_LIVE = "chain.token_live"  # noqa: S105 (a topic, not a secret)
TOKEN_FAILED = "chain.token_failed"  # noqa: S105
CLAIM_FINAL = "chain.claim_final"
CLAIM_FAILED = "chain.claim_failed"
WALLET_REGISTERED = "chain.wallet_registered"
REGISTRATION_FAILED = "chain.registration_failed"


class BindingState(TextChoices):
    """The way of a token: asked for, deployed, open for trading."""

    PENDING = "PENDING"
    DEPLOYED = "DEPLOYED"
    LIVE = "LIVE"
    FAILED = "FAILED"


class ClaimState(TextChoices):
    """The way of a wallet's identity: its contract, then the claim on it."""

    CREATING = "CREATING"
    CLAIMING = "CLAIMING"
    FINAL = "FINAL"
    FAILED = "FAILED"


class RegistrationState(TextChoices):
    """Whether token registries know a wallet."""

    NONE = "NONE"
    REQUESTED = "REQUESTED"
    FINAL = "FINAL"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class BindingView:
    """A token bound to an ISIN. Addresses are empty until it is DEPLOYED."""

    isin: str
    name: str
    symbol: str
    decimals: int
    state: BindingState
    address: str
    identity_registry: str
    deploy_block: int | None
    intent_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class IdentityView:
    """A wallet's identity contract and how far its claim and its registration are."""

    wallet_address: str
    party_key: UUID
    identity: str
    claim_state: ClaimState
    registration_state: RegistrationState
