"""What compliance does when others' facts become true."""

from uuid import UUID

from apps.accounts.types import Role
from apps.compliance.services import identities, investors
from apps.core import clock
from apps.core.registry import Event


def on_member_added(event: Event) -> None:
    """A new investor's party gets its profile."""
    if event.payload["role"] == Role.INVESTOR:
        investors.ensure_profile(party_id=UUID(event.payload["party_id"]), now=clock.now())


def on_claim_final(event: Event) -> None:
    """The identity claim of a wallet is final on chain."""
    identities.claim_became_final(wallet_address=event.key, now=clock.now())


def on_claim_failed(event: Event) -> None:
    """The identity claim of a wallet could not be written."""
    identities.claim_failed(wallet_address=event.key)


def on_registration_failed(event: Event) -> None:
    """A token's registry did not take the wallet."""
    identities.registration_failed(wallet_address=event.key, isin=event.payload["isin"])


def on_token_live(event: Event) -> None:
    """A security's token can be held."""
    identities.token_became_live(isin=event.key, now=clock.now())


def on_wallet_registered(event: Event) -> None:
    """A token's registry has the wallet."""
    identities.registration_became_final(wallet_address=event.key, isin=event.payload["isin"], now=clock.now())
