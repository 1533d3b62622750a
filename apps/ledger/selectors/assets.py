"""What the books count."""

from collections.abc import Collection, Mapping

from apps.ledger.models import LedgerAsset


def scales(assets: Collection[str]) -> Mapping[str, int]:
    """Decimals of those assets the books know, in one query."""
    return dict(LedgerAsset.objects.filter(pk__in=assets).values_list("pk", "decimals"))
