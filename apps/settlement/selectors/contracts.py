"""Tokens the projection follows."""

from apps.settlement.models import ProjectedContract
from apps.settlement.types import ContractKind


def cash_addresses() -> dict[str, str]:
    """Token address of each cash asset in the books."""
    return dict(
        ProjectedContract.objects.filter(kind=ContractKind.CASH, until_block=None).values_list("asset", "address")
    )


def followed_tokens() -> dict[str, str]:
    """Token address of each asset, security or cash, whose final events are in the books up to the cursor."""
    return dict(ProjectedContract.objects.filter(until_block=None).values_list("asset", "address"))
