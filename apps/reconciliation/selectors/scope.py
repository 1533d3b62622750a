"""How far a run looks that does not look at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.reconciliation.models import Break, Run
from apps.reconciliation.selectors.positions import changed_wallets
from apps.reconciliation.types import UNSETTLED, RunStatus

CONCLUSIVE = (RunStatus.CLEAN, RunStatus.BREAKS)


@dataclass(frozen=True, slots=True)
class Since:
    """Where the last run that concluded stood: its block and the newest ledger transfer it saw."""

    block_number: int
    ledger_sequence: int


# Two faults of one wallet that cancel out show in no balance: each movement is looked at by itself once.
BEGINNING = Since(-1, 0)


def last_concluded(isin: str) -> Since | None:
    """None where no run of the security has concluded yet."""
    runs = Run.objects.filter(isin=isin, status__in=CONCLUSIVE, cut_off__isnull=False).select_related("cut_off")
    row = runs.order_by("-pk").first()
    if row is None or row.cut_off is None:
        return None
    return Since(row.cut_off.block_number, row.cut_off.ledger_sequence)


def wallets_to_look_at(*, isin: str, tokens: Mapping[str, str], since: Since, block: int) -> list[str]:
    """Holders of a security whose position or cash changed since then, and what is broken. `tokens` by their assets."""
    looked = broken_wallets(isin)
    for asset, token in tokens.items():
        looked |= set(
            changed_wallets(
                asset=asset,
                token=token,
                holders_of=isin,
                after_block=since.block_number,
                up_to_block=block,
                after_transfer=since.ledger_sequence,
            )
        )
    return sorted(looked)


def broken_wallets(isin: str) -> set[str]:
    """Wallets with a break that is neither cleared nor resolved."""
    broken = Break.objects.filter(isin=isin, state__in=UNSETTLED, wallet_address__isnull=False)
    return {wallet for wallet in broken.values_list("wallet_address", flat=True) if wallet}


def has_broken_trades(isin: str) -> bool:
    """Whether a trade with one leg is still open."""
    return Break.objects.filter(isin=isin, state__in=UNSETTLED, identity__startswith=f"{isin}:trade:").exists()
