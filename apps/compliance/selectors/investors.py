"""Reading investors."""

from uuid import UUID

from django.db.models import Case, IntegerField, Max, QuerySet, Value, When

from apps.compliance.errors import UnknownInvestor
from apps.compliance.models import InvestorProfile, Wallet
from apps.compliance.types import ClaimStatus, ProfileView
from apps.core import disclosure

FURTHEST = [ClaimStatus.NONE, ClaimStatus.FAILED, ClaimStatus.REQUESTED, ClaimStatus.FINAL]
_RANK = Case(
    *[When(claim_status=status, then=Value(rank)) for rank, status in enumerate(FURTHEST)], output_field=IntegerField()
)


def profile(party_id: UUID) -> ProfileView:
    """One investor. Raises UnknownInvestor."""
    row = InvestorProfile.objects.filter(party_id=party_id).first()
    if row is None:
        raise UnknownInvestor
    return profile_views([row])[0]


def profiles() -> QuerySet[InvestorProfile]:
    """All investors, for pages of them."""
    return InvestorProfile.objects.all()


def profile_views(rows: list[InvestorProfile]) -> list[ProfileView]:
    """Rows as other rooms see them, with the furthest claim of each party's wallets."""
    parties = [row.party_id for row in rows]
    disclosure.note(*parties)
    found = Wallet.objects.filter(party_id__in=parties).values("party_id").annotate(rank=Max(_RANK))
    ranks = {row["party_id"]: row["rank"] for row in found}
    return [_view(row, FURTHEST[ranks.get(row.party_id, 0)]) for row in rows]


def _view(row: InvestorProfile, claim_status: str) -> ProfileView:
    return ProfileView(
        party_id=row.party_id,
        kyc_status=row.kyc_status,
        kyc_decided_at=row.kyc_decided_at,
        kyc_expires_at=row.kyc_expires_at,
        claim_status=str(claim_status),
        accredited=row.accredited,
        accreditation_claimed=row.accreditation_claimed,
        tax_residence=row.tax_residence,
        created_at=row.created_at,
    )
