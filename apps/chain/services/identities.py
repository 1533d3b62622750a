"""Wallets' identities: the contract, the KYC claim on it, the entry in the token registries."""

from datetime import datetime
from uuid import UUID

from apps.chain.types import IdentityView
from apps.core.db import within_unit_of_work


@within_unit_of_work
def provide_identity(*, party_key: UUID, wallet_address: str, country_numeric: int, now: datetime) -> IdentityView:
    """Have an identity made for the wallet and the KYC claim put on it; asked again, a failed one is tried again.

    Ends in "chain.claim_final" or "chain.claim_failed" (key: wallet address). `country_numeric` is ISO 3166-1.
    """
    raise NotImplementedError


@within_unit_of_work
def register_wallet(*, wallet_address: str, isin: str, now: datetime) -> IdentityView:
    """Have the token's registry know the wallet, whose claim must be final.

    Ends in "chain.wallet_registered" or "chain.registration_failed" (key: wallet address, payload: isin).
    """
    raise NotImplementedError
