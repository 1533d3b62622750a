"""The assets the books count."""

from apps.core.db import run_sql, within_unit_of_work
from apps.ledger.errors import AssetConflict
from apps.ledger.models import LedgerAsset


@within_unit_of_work
def register_asset(code: str, decimals: int) -> None:
    """Make an asset known before its first account: `code` is an ISIN or a cash asset's code.

    Registering it again is a no-op. Raises AssetConflict if it is known with other decimals.
    """
    run_sql("INSERT INTO ledger_asset (code, decimals) VALUES (%s, %s) ON CONFLICT (code) DO NOTHING", [code, decimals])
    known = LedgerAsset.objects.values_list("decimals", flat=True).get(pk=code)
    if known != decimals:
        raise AssetConflict(asset=code, decimals=known)
