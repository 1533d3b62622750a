"""Which of several nodes is asked first."""

from collections.abc import Iterable

from apps.chain.models import RpcEndpoint


def ordered(rows: Iterable[RpcEndpoint], *, followed: str, needed: int | None, lag: int) -> list[RpcEndpoint]:
    """Those first that still have the block `needed` and do not lag; of these the one that is followed, then the liked.

    Whoever is no more than `lag` blocks below the highest does not lag: a switch at every block helps nobody.
    """
    known = list(rows)
    highest = max((row.head_number or 0 for row in known), default=0)

    def rank(row: RpcEndpoint) -> tuple[bool, bool, bool, int]:
        pruned = needed is not None and row.oldest_block > needed
        lags = highest - (row.head_number or 0) > lag
        return pruned, lags, row.pk != followed, row.priority

    return sorted(known, key=rank)
