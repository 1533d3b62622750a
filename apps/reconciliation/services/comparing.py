"""The comparison itself: what was read of one cut-off in, findings and unknowns out. Reads nothing.

One cause, one break: what a break explains of a position or a total is no second one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.reconciliation.classifying.actions import act_findings, cause_finding
from apps.reconciliation.classifying.cash import cash_findings, stored_cash_findings
from apps.reconciliation.classifying.causes import Cause
from apps.reconciliation.classifying.intents import intent_findings
from apps.reconciliation.classifying.legs import leg_findings
from apps.reconciliation.classifying.movements import added
from apps.reconciliation.classifying.positions import (
    control_finding,
    position_finding,
    projection_findings,
    stranger_finding,
)
from apps.reconciliation.classifying.states import CODE, decimals_findings, state_findings
from apps.reconciliation.classifying.totals import supply_findings
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.services.chain_side import Storage
from apps.reconciliation.types import BreakKind, Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs, and what could not be compared, in sentences."""

    findings: tuple[Finding, ...]
    unknown: tuple[str, ...]


def compare(books: Books, storage: Storage) -> Comparison:
    """Tolerance is zero: every unit that differs is found. What is unknown on one side is not compared."""
    held = books.security
    if held is None:
        return Comparison((), ())
    findings = [*_movements(books, held, storage), *_positions(books, held, storage)]
    if books.looked_at is None:
        findings += supply_findings(
            issued=books.issued,
            events=held.positions.events,
            stored=storage.supply,
            causes=books.causes,
            held=held.unit,
        )
    differing = list(state_findings(books.expected, storage.actual, held.unit))
    findings += differing
    findings += _acts(books, held, storage, differing)
    findings += intent_findings(books.stale, held.unit)
    if books.cash is not None:
        findings += _cash(books, books.cash, storage)
    return Comparison(tuple(findings), storage.unread)


def _movements(books: Books, held: AssetBooks, storage: Storage) -> Iterator[Finding]:
    """Trades with one leg, and every other cause."""
    if books.cash is not None:
        yield from leg_findings(books.legs_on_chain, books.legs_in_books, held.unit, books.cash.unit)
    for cause in books.causes:
        if not _is_leg(cause, books):
            yield cause_finding(cause, held.unit, held.token, storage.callers)


def _acts(books: Books, held: AssetBooks, storage: Storage, states: Sequence[Finding]) -> Iterator[Finding]:
    """Acts of others on a token that is ours to keep; of any token, that its code may be another."""
    if books.states is None or books.binding is None:
        return iter(())
    ours = books.binding.is_ours
    told = {found.identity.removeprefix(f"{held.unit.asset}:") for found in states}
    acts = [act for act in books.states.untraced if ours or act.subject == CODE]
    untraced = [act for act in acts if act.tx_hash not in books.unexplained]
    return act_findings(untraced, told, held.unit, held.token, storage.callers)


def _is_leg(cause: Cause, books: Books) -> bool:
    """Whether a one-legged trade explains it."""
    tx_hash = cause.log.tx_hash if cause.log else cause.posting.tx_hash if cause.posting else None
    ends = cause.log.ends if cause.log else cause.posting.ends if cause.posting else None
    trades = [(leg.tx_hash, leg.seller, leg.buyer) for leg in books.legs_on_chain]
    trades += [(leg.tx_hash, leg.seller, leg.buyer) for leg in books.legs_in_books]
    return (tx_hash, *(ends or ())) in trades


def _positions(books: Books, held: AssetBooks, storage: Storage) -> Iterator[Finding]:
    explained = added(*(cause.effects for cause in books.causes))
    for row in held.positions.rows:
        found = position_finding(row, explained.get(row.wallet, 0), held.not_folding.get(row.wallet), held.unit)
        if found is not None:
            yield found
        if row.stranger:
            yield stranger_finding(row, held.unit)
    by_events = {wallet: units for wallet, units in held.by_events if wallet in storage.balances}
    yield from projection_findings(storage.balances, by_events, held.unit)
    if (control := held.not_folding.get(None)) is not None:
        yield control_finding(books.isin, control, held.unit, BreakKind.AMOUNT)


def _cash(books: Books, cash: AssetBooks, storage: Storage) -> Iterator[Finding]:
    kept, identity = books.expected.cash_decimals, f"{books.isin}:cash:decimals"
    yield from decimals_findings(kept, storage.actual.cash_decimals, cash.unit, identity)
    rows = {row.wallet: row for row in cash.positions.rows}
    yield from cash_findings(books.isin, rows, shortfalls=cash.shortfalls, not_folding=cash.not_folding, cash=cash.unit)
    by_events = {wallet: units for wallet, units in cash.by_events if wallet in storage.cash}
    yield from stored_cash_findings(books.isin, storage.cash, by_events, cash.unit)
    if (control := cash.not_folding.get(None)) is not None:
        yield control_finding(books.isin, control, cash.unit, BreakKind.CASH_LEG)
