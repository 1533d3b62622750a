"""Positions: what no cause explains, whom nobody knows, and where storage is not what the logs say."""

from collections.abc import Iterator, Mapping

from apps.ledger.types import AccountKind, FoldDifference, Standing
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.selectors.positions import Row
from apps.reconciliation.types import BreakKind, Finding, Remedy

NotFolding = Mapping[str | None, FoldDifference]


def position_finding(row: Row, explained: int, not_folding: FoldDifference | None, held: Unit) -> Finding | None:
    """The wallet's difference less what causes explain of it; None where that is nothing."""
    left = row.events - row.settled - explained
    if not left and not_folding is None:
        return None
    books, chain = held.say(row.settled), held.say(row.events)
    said = [f"Wallet {row.wallet} has {books} {held.asset} in the books and {chain} on the chain."]
    if explained:
        said.append(f"Other breaks explain {held.say(explained)} of it.")
    if not_folding is not None:
        said.append(say_not_folding(not_folding, held))
    return Finding(
        kind=_kind(row),
        # One break a wallet: its kind may change from run to run, its age may not.
        identity=f"{held.asset}:position:{row.wallet}",
        message=" ".join(said),
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=row.wallet,
        books=row.settled,
        events=row.events,
        chain=row.events,
        details={"explained": str(explained)} if explained else {},
        remedy=None if not_folding is not None else _remedy(row.wallet, left),
    )


def _remedy(wallet: str, left: int) -> Remedy:
    position, suspense = (AccountKind.POSITION.value, wallet), (AccountKind.SUSPENSE.value, None)
    return Remedy(suspense, position, left) if left > 0 else Remedy(position, suspense, -left)


def _kind(row: Row) -> BreakKind:
    if row.settled == 0 and row.events > 0:
        return BreakKind.MISSING_IN_BOOKS
    return BreakKind.MISSING_ON_CHAIN if row.events == 0 and row.settled > 0 else BreakKind.AMOUNT


def say_not_folding(found: FoldDifference, held: Unit) -> str:
    """That a stored balance is not what the ledger's entries add up to."""
    stored = f"{_standing(found.stored, held)} stored" if found.stored else "none stored"
    return (
        f"The stored balance is not the sum of the ledger's entries: {stored}, {_standing(found.folded, held)} by "
        "entries. A balance row was changed past the ledger."
    )


def _standing(standing: Standing, held: Unit) -> str:
    return f"{held.say(standing.posted)} ({held.say(standing.held)} held)"


def stranger_finding(row: Row, held: Unit) -> Finding:
    """A holder nobody here knows."""
    return Finding(
        kind=BreakKind.UNKNOWN_HOLDER,
        identity=f"{held.asset}:holder:{row.wallet}",
        message=f"Wallet {row.wallet} holds {held.say(row.events)} {held.asset} on the chain and belongs to no party "
        "we know.",
        asset=held.asset,
        decimals=held.decimals,
        wallet_address=row.wallet,
        books=row.settled,
        events=row.events,
        chain=row.events,
    )


def projection_findings(balances: Mapping[str, int], by_events: Mapping[str, int], held: Unit) -> Iterator[Finding]:
    """Wallets whose balance in the token's storage is not what the final logs add up to."""
    for wallet, units in balances.items():
        events = by_events[wallet]
        yield Finding(
            kind=BreakKind.PROJECTION,
            identity=f"{held.asset}:stored:balance:{wallet}",
            message=f"The stored final events of {held.asset} give wallet {wallet} {held.say(events)}, the token's own "
            f"storage {held.say(units)}: an event is missing, or the token moves units without one.",
            asset=held.asset,
            decimals=held.decimals,
            wallet_address=wallet,
            events=events,
            chain=units,
        )


def control_finding(isin: str, found: FoldDifference, held: Unit, kind: BreakKind) -> Finding:
    """A control account that was changed past the ledger."""
    return Finding(
        kind=kind,
        identity=f"{isin}:{held.asset}:control:{found.account_id}",
        message=f"A control account of {held.asset}: {say_not_folding(found, held)}",
        asset=held.asset,
        decimals=held.decimals,
        books=found.stored.posted if found.stored else None,
        details={"entries": str(found.folded.posted)},
    )
