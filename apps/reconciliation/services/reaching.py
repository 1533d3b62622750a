"""How far a run looked: which breaks it may clear because it did not find them."""

from dataclasses import dataclass

from django.db.models import Q

from apps.reconciliation.services.books import Books
from apps.reconciliation.types import RunDepth

# Beginnings of identities, behind the asset's code: what only the token's answers for every wallet show.
STORED = "stored:"
# What every run looks at whole, however few wallets it looks at.
ALWAYS = ("paused", "decimals", "cash:decimals", "frozen:", "intent:", "instruction:", "trade:", "act:")


@dataclass(frozen=True, slots=True)
class Reach:
    """`wallets`: those looked at, None for all. `whole`: identities that begin so were all looked for, whatever their
    wallets; `blind`: none of those that begin so were.
    """

    wallets: frozenset[str] | None = None
    whole: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    @property
    def breaks(self) -> Q:
        """The breaks it would have found."""
        found = Q()
        if self.wallets is not None:
            found = Q(wallet_address__in=self.wallets)
            for prefix in self.whole:
                found |= Q(identity__startswith=prefix)
        for prefix in self.blind:
            found &= ~Q(identity__startswith=prefix)
        return found


def reach_of(books: Books, depth: RunDepth) -> Reach:
    """What a run of this depth over these books looked at."""
    return Reach(
        wallets=books.looked_at,
        whole=tuple(f"{books.isin}:{each}" for each in ALWAYS),
        blind=(f"{books.isin}:{STORED}",) if depth == RunDepth.FOLD else (),
    )
