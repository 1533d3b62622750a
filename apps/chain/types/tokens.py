"""Tokens bound to ISINs and wallets' identities, as other rooms see them."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextChoices

from apps.chain.types.standards import Folds, TokenStandard

KYC_TOPIC = 1  # the one claim topic our tokens ask for

# Topics of the outbox.
TOKEN_LIVE = "chain.token_live"  # noqa: S105 (a topic, not a secret)
TOKEN_FAILED = "chain.token_failed"  # noqa: S105
TOKEN_ENDED = "chain.token_ended"  # noqa: S105
LAYOUT_CHANGED = "chain.layout_changed"
CLAIM_FINAL = "chain.claim_final"
CLAIM_FAILED = "chain.claim_failed"
WALLET_REGISTERED = "chain.wallet_registered"
REGISTRATION_FAILED = "chain.registration_failed"


class BindingState(TextChoices):
    """The way of a token: asked for and deployed, or found; its past fetched, held against its storage; open."""

    PENDING = "PENDING"
    DEPLOYED = "DEPLOYED"
    BACKFILLING = "BACKFILLING"
    CHECKING = "CHECKING"
    LIVE = "LIVE"
    FAILED = "FAILED"


class LayoutState(TextChoices):
    """Whether proofs may rest on a storage layout."""

    VERIFIED = "VERIFIED"
    WITHDRAWN = "WITHDRAWN"


class ClaimState(TextChoices):
    """The way of a wallet's identity: its contract, the signature of the claim, then the claim on it."""

    CREATING = "CREATING"
    SIGNING = "SIGNING"
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
    standard: TokenStandard = TokenStandard.ERC3643
    folds: Folds = Folds.TRANSFER
    valid_from_block: int | None = None
    valid_to_block: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the platform deployed it: then wallets are registered with it, and its agents are ours."""
        return self.intent_id is not None


@dataclass(frozen=True, slots=True)
class IdentityView:
    """A wallet's identity contract and how far its claim and its registration are."""

    wallet_address: str
    party_key: UUID
    identity: str
    claim_state: ClaimState
    registration_state: RegistrationState
