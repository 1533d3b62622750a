"""The cash of a security's holders."""

from collections.abc import Iterator, Mapping

from apps.ledger.types import AccountKind, FoldDifference
from apps.reconciliation.classifying.positions import say_not_folding
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.selectors.positions import Row
from apps.reconciliation.types import BreakKind, Finding, Remedy


def cash_findings(
    isin: str,
    rows: Mapping[str, Row],
    *,
    shortfalls: Mapping[str, int],
    not_folding: Mapping[str | None, FoldDifference],
    cash: Unit,
) -> Iterator[Finding]:
    """A break a wallet whose cash differs between books and final logs, or stands in suspense.

    What a wallet paid beyond its free balance stands in suspense: its books are the balance less that shortfall.
    """
    for wallet, row in sorted(rows.items()):
        short, changed = shortfalls.get(wallet, 0), not_folding.get(wallet)
        settled = row.settled - short
        said = []
        if settled != row.events:
            said.append(
                f"Wallet {wallet} has {cash.say(settled)} {cash.asset} in the books and {cash.say(row.events)} on the "
                "chain."
            )
        if short:
            said.append(
                f"Wallet {wallet} paid {cash.say(short)} {cash.asset} on the chain beyond its free balance; the books "
                "hold it in suspense."
            )
        if changed is not None:
            said.append(say_not_folding(changed, cash))
        if said:
            yield Finding(
                kind=BreakKind.CASH_LEG,
                identity=f"{isin}:{cash.asset}:cash:{wallet}",
                message=" ".join(said),
                asset=cash.asset,
                decimals=cash.decimals,
                wallet_address=wallet,
                books=settled,
                events=row.events,
                chain=row.events,
                details={"suspense": str(short)},
                remedy=None if short or changed else _remedy(wallet, row.events - settled),
            )


def stored_cash_findings(
    isin: str, balances: Mapping[str, int], by_events: Mapping[str, int], cash: Unit
) -> Iterator[Finding]:
    """Wallets whose balance in the cash token's storage is not what its final logs add up to."""
    for wallet, units in balances.items():
        events = by_events[wallet]
        yield Finding(
            kind=BreakKind.CASH_LEG,
            identity=f"{isin}:stored:cash:{wallet}",
            message=f"The stored final events of {cash.asset} give wallet {wallet} {cash.say(events)}, the token's own "
            f"storage {cash.say(units)}.",
            asset=cash.asset,
            decimals=cash.decimals,
            wallet_address=wallet,
            events=events,
            chain=units,
        )


def _remedy(wallet: str, left: int) -> Remedy:
    """Cash that came or went outside our books came from, or went to, the world outside."""
    held, outside = (AccountKind.CASH.value, wallet), (AccountKind.EXTERNAL.value, None)
    return Remedy(outside, held, left) if left > 0 else Remedy(held, outside, -left)
