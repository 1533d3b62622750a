"""From an approved investor and a proved wallet to a registered holder on chain.

Approved -> identity deployed -> claim final -> registered with each live token. Every step is asked of the chain
room and answered by an event once final there; each may be asked again without effect.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import pycountry

from apps.accounts.selectors.parties import country_of
from apps.chain.selectors.tokens import binding, live_bindings
from apps.chain.services.identities import provide_identity, register_wallet
from apps.compliance.models import InvestorProfile, Wallet, WalletRegistration
from apps.compliance.types import ClaimStatus, KycStatus, RegistrationStatus
from apps.core.db import within_unit_of_work


@within_unit_of_work
def advance_identities(*, party_id: UUID, now: datetime) -> None:
    """Start the on-chain identity of each proved wallet of an approved investor that has none.

    What a token's registry did not take before is asked of it again.
    Whoever approves and whoever proves a wallet at the same time queue for the profile: the second sees both.
    """
    if not _is_approved(party_id, now):
        return
    startable = Wallet.objects.filter(party_id=party_id, claim_status__in=[ClaimStatus.NONE, ClaimStatus.FAILED])
    for wallet in startable.select_for_update(of=("self",), no_key=True).order_by("id"):
        provide_identity(
            party_key=party_id,
            wallet_address=wallet.address,
            country_numeric=country_numeric(country_of(party_id)),
            now=now,
        )
        Wallet.objects.filter(pk=wallet.pk).update(claim_status=ClaimStatus.REQUESTED)
    _register_again(party_id, now)


def _register_again(party_id: UUID, now: datetime) -> None:
    failed = WalletRegistration.objects.filter(
        wallet__party_id=party_id, wallet__claim_status=ClaimStatus.FINAL, status=RegistrationStatus.FAILED
    )
    for pk, address, isin in failed.order_by("id").values_list("id", "wallet__address", "isin"):
        register_wallet(wallet_address=address, isin=isin, now=now)
        WalletRegistration.objects.filter(pk=pk).update(status=RegistrationStatus.REQUESTED)


def _is_approved(party_id: UUID, now: datetime) -> bool:
    """Whether the investor is approved; the profile is locked either way."""
    row = InvestorProfile.objects.select_for_update(of=("self",), no_key=True).filter(party_id=party_id).first()
    if row is None or row.kyc_status != KycStatus.APPROVED:
        return False
    return row.kyc_expires_at is not None and row.kyc_expires_at > now


def country_numeric(alpha2: str) -> int:
    """ISO 3166-1 numeric of an alpha-2 code, as ERC-3643's identity registry wants it."""
    country = pycountry.countries.get(alpha_2=alpha2)
    if country is None:
        raise LookupError(f"{alpha2} is not an ISO 3166-1 alpha-2 code")
    return int(country.numeric)


@within_unit_of_work
def claim_became_final(*, wallet_address: str, now: datetime) -> None:
    """The wallet's claim is final: register it with every live token of ours; others have agents of their own."""
    wallet = Wallet.objects.select_for_update(of=("self",), no_key=True).filter(address=wallet_address).first()
    if wallet is None:
        return
    wallet.claim_status = ClaimStatus.FINAL
    wallet.save(update_fields=["claim_status"])
    for found in live_bindings():
        if found.is_ours:
            _register([wallet], found.isin, now)


@within_unit_of_work
def claim_failed(*, wallet_address: str) -> None:
    """The identity or its claim could not be written; a new decision starts it again."""
    Wallet.objects.filter(address=wallet_address, claim_status=ClaimStatus.REQUESTED).update(
        claim_status=ClaimStatus.FAILED
    )


@within_unit_of_work
def token_became_live(*, isin: str, now: datetime) -> None:
    """A token is live: register every wallet whose claim is final, if it is one of ours.

    In the place of one of ours, another's knows none of the wallets that ours did.
    """
    if not binding(isin).is_ours:
        WalletRegistration.objects.filter(isin=isin).delete()
        return
    _register(Wallet.objects.filter(claim_status=ClaimStatus.FINAL).order_by("id"), isin, now)


def _register(wallets: Iterable[Wallet], isin: str, now: datetime) -> None:
    for wallet in wallets:
        _, created = WalletRegistration.objects.get_or_create(wallet=wallet, isin=isin, defaults={"requested_at": now})
        if created:
            register_wallet(wallet_address=wallet.address, isin=isin, now=now)


@within_unit_of_work
def registration_failed(*, wallet_address: str, isin: str) -> None:
    """The token's registry did not take the wallet; a new approval asks it again."""
    requested = WalletRegistration.objects.filter(status=RegistrationStatus.REQUESTED)
    requested.filter(wallet__address=wallet_address, isin=isin).update(status=RegistrationStatus.FAILED)


@within_unit_of_work
def registration_became_final(*, wallet_address: str, isin: str, now: datetime) -> None:
    """The token's registry has the wallet: it may hold and trade the security."""
    WalletRegistration.objects.filter(wallet__address=wallet_address, isin=isin).update(
        status=RegistrationStatus.REGISTERED, registered_at=now
    )
