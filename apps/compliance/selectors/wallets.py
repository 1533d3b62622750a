"""Reading wallets."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.compliance.models import Wallet
from apps.compliance.types import RegistrationStatus, WalletView


def party_of_wallet(address: str) -> UUID | None:
    """The party that proved this wallet, or None."""
    return Wallet.objects.filter(address=address.lower()).values_list("party_id", flat=True).first()


def parties_of_wallets(addresses: Iterable[str]) -> dict[str, UUID]:
    """Owners of those wallets that are proved."""
    return dict(Wallet.objects.filter(address__in=set(addresses)).values_list("address", "party_id"))


def wallets_of(party_id: UUID) -> QuerySet[Wallet]:
    """A party's wallets with their registrations."""
    return Wallet.objects.filter(party_id=party_id).prefetch_related("registrations")


def wallet_view(wallet: Wallet) -> WalletView:
    """A wallet as other rooms see it."""
    registered = [r.isin for r in wallet.registrations.all() if r.status == RegistrationStatus.REGISTERED]
    return WalletView(
        address=wallet.address,
        party_id=wallet.party_id,
        claim_status=wallet.claim_status,
        registered_isins=tuple(sorted(registered)),
        proved_at=wallet.proved_at,
    )
