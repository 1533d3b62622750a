"""Which contracts' logs are kept."""

from datetime import datetime

from apps.chain.errors import WatchConflict
from apps.chain.models import WatchedContract
from apps.chain.types import ContractKind
from apps.core.db import notify, within_unit_of_work

CHANNEL = "chain_watch"


@within_unit_of_work
def watch(*, address: str, kind: ContractKind, from_block: int, now: datetime) -> None:
    """Keep every log of a contract from `from_block` (its deploy block) on; what is past is backfilled.

    Until that is done, no final block from `from_block` on is given to projections. Watching again changes
    nothing. Raises WatchConflict if the contract is watched as another kind.
    """
    row = WatchedContract(
        address=address.lower(), kind=kind, from_block=from_block, covered_to=from_block - 1, created_at=now
    )
    WatchedContract.objects.bulk_create([row], ignore_conflicts=True)
    known = WatchedContract.objects.get(address=row.address)
    if known.kind != kind:
        raise WatchConflict(address=row.address)
    notify(CHANNEL)
