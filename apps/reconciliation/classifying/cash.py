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
    stored: Mapping[str, int],
    not_folding: Mapping[str | None, FoldDifference],
    cash: Unit,
) -> Iterator[Finding]:
    """A break a wallet whose cash differs between books, final logs and storage, or stands in suspense.

    What a wallet paid beyond its free balance stands in suspense: its books are the balance less that shortfall.
    """
    for wallet, row in sorted(rows.items()):
        short = shortfalls.get(wallet, 0)
        settled, chain = row.settled - short, stored.get(wallet, row.events)
        said = []
        if settled != chain:
            said.append(
                f"Wallet {wallet} has {cash.say(settled)} {cash.asset} in the books and {cash.say(chain)} on the chain."
            )
        if row.events != chain:
            said.append(f"The stored events of {cash.asset} give wallet {wallet} {cash.say(row.events)}.")
        if short:
            said.append(
                f"Wallet {wallet} paid {cash.say(short)} {cash.asset} on the chain beyond its free balance; the books "
                "hold it in suspense."
            )
        if (changed := not_folding.get(wallet)) is not None:
            said.append(say_not_folding(changed, cash))
        if said:
            remedy = None if short or changed or row.events != chain else _remedy(wallet, chain - settled)
            yield _finding(isin, wallet, (settled, row.events, chain), said, short, cash, remedy)


def _finding(
    isin: str, wallet: str, sides: tuple[int, int, int], said: list[str], short: int, cash: Unit, remedy: Remedy | None
) -> Finding:
    settled, events, chain = sides
    return Finding(
        kind=BreakKind.CASH_LEG,
        identity=f"{isin}:{cash.asset}:cash:{wallet}",
        message=" ".join(said),
        asset=cash.asset,
        decimals=cash.decimals,
        wallet_address=wallet,
        books=settled,
        events=events,
        chain=chain,
        details={"suspense": str(short)},
        remedy=remedy,
    )


def _remedy(wallet: str, left: int) -> Remedy:
    """Cash that came or went outside our books came from, or went to, the world outside."""
    held, outside = (AccountKind.CASH.value, wallet), (AccountKind.EXTERNAL.value, None)
    return Remedy(outside, held, left) if left > 0 else Remedy(held, outside, -left)
