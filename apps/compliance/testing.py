"""Test support for every room: investors in good standing. Not imported by the product."""

from datetime import timedelta

from apps.accounts.models import User
from apps.accounts.tests.factories import make_user
from apps.compliance.models import InvestorProfile, Wallet, WalletRegistration
from apps.compliance.types import ClaimStatus, KycStatus, RegistrationStatus
from apps.core import clock
from apps.core.db import unit_of_work
from apps.ledger.services.accounts import assign_owner


def eligible_investor(*isins: str, wallet: str) -> User:
    """A user whose party may hold and trade these securities with this wallet."""
    user = make_user()
    party_id, now = user.memberships.get().party_id, clock.now()
    with unit_of_work():
        InvestorProfile.objects.create(
            party_id=party_id,
            kyc_status=KycStatus.APPROVED,
            kyc_decided_at=now,
            kyc_expires_at=now + timedelta(days=365),
            accredited=True,
            created_at=now,
        )
        held = Wallet.objects.create(address=wallet, party_id=party_id, claim_status=ClaimStatus.FINAL, proved_at=now)
        assign_owner(wallet_address=wallet, party_id=party_id)
        for isin in isins:
            WalletRegistration.objects.create(
                wallet=held, isin=isin, status=RegistrationStatus.REGISTERED, requested_at=now, registered_at=now
            )
    return user
