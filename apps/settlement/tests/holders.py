"""Parties who may hold, as compliance leaves them when everything is final on the chain."""

from datetime import timedelta

from apps.accounts.models import Party
from apps.compliance.models import InvestorProfile, Wallet, WalletRegistration
from apps.compliance.types import ClaimStatus, KycStatus, RegistrationStatus
from apps.core import clock
from apps.core.db import unit_of_work


def make_eligible(party: Party, wallet_address: str, isin: str) -> None:
    """Make the party an accredited investor whose wallet is registered with the token."""
    now = clock.now()
    with unit_of_work():
        InvestorProfile.objects.create(
            party=party,
            kyc_status=KycStatus.APPROVED,
            kyc_decided_at=now,
            kyc_expires_at=now + timedelta(days=365),
            accredited=True,
            created_at=now,
        )
        wallet = Wallet.objects.create(
            address=wallet_address, party=party, claim_status=ClaimStatus.FINAL, proved_at=now
        )
        WalletRegistration.objects.create(
            wallet=wallet, isin=isin, status=RegistrationStatus.REGISTERED, requested_at=now, registered_at=now
        )


def lose_eligibility(party: Party) -> None:
    """The party's identity check is withdrawn."""
    with unit_of_work():
        InvestorProfile.objects.filter(pk=party.pk).update(
            kyc_status=KycStatus.REJECTED, kyc_expires_at=None, accredited=False
        )
