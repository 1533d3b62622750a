"""The contracts whose logs are kept."""

from collections.abc import Mapping

from apps.chain.models import WatchedContract
from apps.chain.types import ContractKind


def watched_kinds(*, whole: bool = False) -> Mapping[str, ContractKind]:
    """By address what each is; with `whole` of those alone whose past is stored."""
    chosen = WatchedContract.objects.filter(covered=True) if whole else WatchedContract.objects.all()
    return {address: ContractKind(kind) for address, kind in chosen.values_list("address", "kind")}
