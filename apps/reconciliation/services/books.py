"""One side of a run: what our books say, read in one snapshot with the block they stand at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.chain.errors import NotCovered, UndecodedLogs
from apps.chain.selectors import blocks as chain_blocks
from apps.chain.selectors.holdings import fold
from apps.chain.types import BlockView, Holdings
from apps.compliance.selectors.wallets import parties_of_wallets
from apps.core.db import snapshot
from apps.issuance.selectors.issuances import issuances, issued_totals
from apps.issuance.types import IssuanceStatus
from apps.ledger.selectors.balances import accounts_of, sequence, shortfalls
from apps.ledger.selectors.fold import fold_check
from apps.ledger.types import FoldDifference
from apps.securities.types import SecurityView
from apps.settlement.selectors.contracts import followed_tokens
from apps.settlement.selectors.instructions import in_flight
from apps.settlement.selectors.movements import movement, projection_cursor, unexplained
from apps.settlement.types import MovementState, UnexplainedView

# Folding all events of a large security takes longer than a request may.
STATEMENT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class AssetBooks:
    """One asset in our books: settled per wallet, the fold of its final events, and entries that do not add up."""

    asset: str
    decimals: int
    token: str
    settled: Mapping[str, int]
    shortfalls: Mapping[str, int]
    events: Holdings
    not_folding: Mapping[str | None, FoldDifference]


@dataclass(frozen=True, slots=True)
class Books:
    """All our books say of a security at the block they stand at. `problems`: what they cannot say."""

    isin: str
    cut_off: BlockView | None = None
    ledger_sequence: int = 0
    security: AssetBooks | None = None
    cash: AssetBooks | None = None
    issued: int = 0
    known_wallets: frozenset[str] = frozenset()
    unexplained: tuple[UnexplainedView, ...] = ()
    in_flight: int = 0
    problems: tuple[str, ...] = ()

    @property
    def wallets(self) -> list[str]:
        """Every wallet the security's books, events or stray movements name."""
        if self.security is None:
            return []
        moved = {end for m in self.unexplained for end in (m.from_address, m.to_address) if int(end, 16)}
        return sorted({*self.security.settled, *self.security.events.by_wallet, *moved})


@dataclass(slots=True)
class _Reading:
    """What is gathered so far."""

    problems: list[str] = field(default_factory=list)


def read_books(*, security: SecurityView) -> Books:
    """Ledger, events, stray movements and control total as of the projection's cursor, in one snapshot."""
    isin = security.isin
    with snapshot(statement_seconds=STATEMENT_SECONDS):
        cursor = projection_cursor()
        if cursor is None:
            return Books(isin, problems=("No final block is in the books yet.",))
        block = chain_blocks.blocks_by_hash([cursor.hash]).get(cursor.hash)
        if block is None or not block.is_final:
            return Books(isin, problems=(f"Block {cursor.number}, at which the books stand, is not final here.",))
        reading = _Reading()
        held = _asset(isin, security.quantity_decimals, block, reading)
        cash = _asset(security.terms.cash_asset, security.terms.cash_decimals, block, reading)
        stray = tuple(m for asset in (isin, security.terms.cash_asset) for m in unexplained(asset, block.number))
        wallets = _named(held, stray, isin)
        return Books(
            isin=isin,
            cut_off=block,
            ledger_sequence=sequence(),
            security=held,
            cash=cash,
            issued=_issued(isin),
            known_wallets=frozenset(parties_of_wallets(wallets)),
            unexplained=tuple(m for m in stray if m.asset == isin or {m.from_address, m.to_address} & wallets),
            in_flight=len(in_flight(isin)),
            problems=tuple(reading.problems),
        )


def _asset(asset: str, decimals: int, block: BlockView, reading: _Reading) -> AssetBooks | None:
    """The asset's books, or None with a problem: what is not known whole is not compared."""
    token = followed_tokens().get(asset)
    if token is None:
        reading.problems.append(f"The books do not follow the token of {asset} yet.")
        return None
    try:
        events = fold(token, block.number)
    except (NotCovered, UndecodedLogs) as error:
        reading.problems.append(f"{asset}: {error.message}")
        return None
    accounts = accounts_of(asset=asset)
    wallet_of = {account.account_id: account.wallet_address for account in accounts}
    return AssetBooks(
        asset=asset,
        decimals=decimals,
        token=token,
        settled={account.wallet_address: account.settled for account in accounts if account.wallet_address},
        shortfalls=shortfalls(asset),
        events=events,
        not_folding={wallet_of.get(d.account_id): d for d in fold_check(asset)},
    )


def _named(held: AssetBooks | None, stray: tuple[UnexplainedView, ...], isin: str) -> set[str]:
    named = {end for m in stray if m.asset == isin for end in (m.from_address, m.to_address)}
    return named | {*held.settled, *held.events.by_wallet} if held else named


def _issued(isin: str) -> int:
    """The issued control total, with mints already in the books that it has yet to be told of."""
    totals = issued_totals(isin)
    under_way = [i for i in issuances(isin) if i.status == IssuanceStatus.SUBMITTED]
    booked = [i for i in under_way if (m := movement(f"issuance:{i.id}")) and m.state == MovementState.POSTED]
    return (totals.issued if totals else 0) + sum(i.quantity for i in booked)
