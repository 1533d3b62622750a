"""One side of a run: what our books say, read in one snapshot with the block they stand at."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from apps.chain.errors import NotCovered, UndecodedLogs, UnknownToken
from apps.chain.selectors import blocks as chain_blocks
from apps.chain.selectors.contracts import addresses
from apps.chain.selectors.holders import folded_to
from apps.chain.selectors.tokens import binding_at, registered_wallets
from apps.chain.types import BindingView, BlockView
from apps.core.db import meanwhile, snapshot
from apps.issuance.selectors.issuances import issued_totals, submitted
from apps.ledger.selectors.balances import decimals_of, sequence, shortfalls
from apps.ledger.selectors.fold import fold_check
from apps.ledger.types import FoldDifference
from apps.reconciliation.classifying.causes import Cause
from apps.reconciliation.classifying.intents import StaleIntent
from apps.reconciliation.classifying.legs import BookedLegs, SettledLegs
from apps.reconciliation.classifying.movements import added
from apps.reconciliation.classifying.states import Expected
from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.selectors.accounts import wallets_of_accounts
from apps.reconciliation.selectors.intents import stale_intents
from apps.reconciliation.selectors.legs import one_legged_in_books, one_legged_on_chain
from apps.reconciliation.selectors.positions import Between, Positions, Side, positions, units_by_events
from apps.reconciliation.selectors.scope import Since, has_broken_trades, wallets_to_look_at
from apps.reconciliation.selectors.states import States, states
from apps.reconciliation.services.tracing import Trail, trace
from apps.reconciliation.types import RunDepth
from apps.securities.types import SecurityStatus, SecurityView
from apps.settlement.selectors.contracts import followed_tokens
from apps.settlement.selectors.instructions import in_flight
from apps.settlement.selectors.movements import movement, projection_cursor, unexplained
from apps.settlement.types import MovementState

# Joining all positions of a large security takes longer than a request may.
STATEMENT_SECONDS = 600
# What a join of a million positions needs to stay in memory.
WORK_MEGABYTES = 128
DVP = "dvp"
# By asset, then by wallet, None for the asset as a whole.
Unfolded = Mapping[str, Mapping[str | None, FoldDifference]]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a run is to look at. `since`: only what came after; `block`: at the end of it, not where the books stand.

    `traced`: what moved after that is looked at one by one, also where positions agree.
    """

    depth: RunDepth = RunDepth.FOLD
    since: Since | None = None
    traced: Since | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class AssetBooks:
    """One asset: where books and final logs differ, accounts whose entries do not add up, and what is in suspense.

    `by_events`: all wallets with their units by the final logs, where the chain is to be asked for each.
    """

    unit: Unit
    token: str
    positions: Positions
    not_folding: Mapping[str | None, FoldDifference] = field(default_factory=dict)
    shortfalls: Mapping[str, int] = field(default_factory=dict)
    by_events: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """All our books say of a security at the block they stand at. `problems`: what they cannot say."""

    isin: str
    cut_off: BlockView | None = None
    ledger_sequence: int = 0
    security: AssetBooks | None = None
    cash: AssetBooks | None = None
    binding: BindingView | None = None
    issued: int | None = None
    causes: tuple[Cause, ...] = ()
    legs_on_chain: tuple[SettledLegs, ...] = ()
    legs_in_books: tuple[BookedLegs, ...] = ()
    expected: Expected = field(default_factory=Expected)
    states: States | None = None
    # Transactions with movements that the projection could not explain: these tell of themselves.
    unexplained: frozenset[str] = frozenset()
    stale: tuple[StaleIntent, ...] = ()
    in_flight: int = 0
    looked_at: frozenset[str] | None = None
    problems: tuple[str, ...] = ()

    @property
    def wallets(self) -> int:
        """How many wallets were compared."""
        return self.security.positions.wallets if self.security else 0


def read_books(*, security: SecurityView, now: datetime, ask: Ask = Ask()) -> Books:
    """Ledger, final logs, settlements and intents of a security as of one block, in one snapshot."""
    with snapshot(statement_seconds=STATEMENT_SECONDS, work_megabytes=WORK_MEGABYTES):
        block, problem = _block(ask)
        if block is None:
            return Books(security.isin, problems=(problem,))
        return _Reading(security, ask, block, now).read()


def _block(ask: Ask) -> tuple[BlockView | None, str]:
    """The cut-off: where the books stand, or an earlier final block that was asked for."""
    cursor = projection_cursor()
    if cursor is None:
        return None, "No final block is in the books yet."
    if ask.block is None or ask.block == cursor.number:
        block = chain_blocks.blocks_by_hash([cursor.hash]).get(cursor.hash)
    elif ask.block > cursor.number:
        return None, f"The books stand at block {cursor.number}: block {ask.block} is not in them yet."
    else:
        block = chain_blocks.final_block(ask.block)
    if block is None or not block.is_final:
        return None, f"Block {ask.block or cursor.number}, at which to compare, is not final here."
    return block, ""


class _Reading:
    """Reads the parts, and gathers what cannot be known."""

    def __init__(self, security: SecurityView, ask: Ask, block: BlockView, now: datetime) -> None:
        self._security, self._ask, self._block, self._now = security, ask, block, now
        self._tokens = followed_tokens()
        self._until = block.timestamp if ask.block is not None else None
        self._problems: list[str] = []
        self._not_folding: Callable[[], Unfolded] = dict

    def read(self) -> Books:
        """Everything; what is not known whole is left out, with a problem.

        Accounts changed past the ledger are looked for beside the rest, and only where all is looked at: every entry is
        read for it.
        """
        if self._ask.since is not None:
            return self._read()
        assets = (self._security.isin, self._security.terms.cash_asset)
        with meanwhile(lambda: _not_folding(assets)) as found:
            self._not_folding = found.result
            return self._read()

    def _read(self) -> Books:
        isin, terms = self._security.isin, self._security.terms
        unit = Unit(isin, self._security.quantity_decimals)
        only = self._looked_at()
        held = self._asset(unit, only, None)
        cash = None
        if held is not None:
            of = None if only is not None else (isin, held.token)
            cash = self._asset(Unit(terms.cash_asset, terms.cash_decimals), only, of)
        books = Books(
            isin=isin,
            cut_off=self._block,
            ledger_sequence=sequence(self._until),
            security=held,
            cash=cash,
            looked_at=None if only is None else frozenset(only),
            problems=tuple(self._problems),
        )
        return self._with_evidence(books, held) if held is not None else books

    def _looked_at(self) -> list[str] | None:
        isin, since = self._security.isin, self._ask.since
        if since is None or isin not in self._tokens:
            return None
        assets = (isin, self._security.terms.cash_asset)
        tokens = {asset: self._tokens[asset] for asset in assets if asset in self._tokens}
        return wallets_to_look_at(isin=isin, tokens=tokens, since=since, block=self._block.number)

    def _asset(self, unit: Unit, only: Collection[str] | None, holders_of: tuple[str, str] | None) -> AssetBooks | None:
        """The asset's books, or None with a problem: what is not known whole is not compared."""
        token = self._tokens.get(unit.asset)
        if token is None:
            self._problems.append(f"The books do not follow the token of {unit.asset} yet.")
            return None
        try:
            side = self._side(unit, token, only, holders_of)
        except (NotCovered, UndecodedLogs) as error:
            self._problems.append(f"{unit.asset}: {error.message}")
            return None
        short = shortfalls(unit.asset)
        found = positions(side, always=list(short))
        by_events = tuple(units_by_events(side)) if self._ask.depth != RunDepth.FOLD else ()
        not_folding = self._not_folding().get(unit.asset, {})
        changed = {wallet for wallet in not_folding if wallet}
        if changed - {row.wallet for row in found.rows}:  # changed past the ledger, and still what the chain says
            found = positions(side, always=[*short, *changed])
        return AssetBooks(unit, token, found, not_folding, short, by_events)

    def _side(
        self, unit: Unit, token: str, only: Collection[str] | None, holders_of: tuple[str, str] | None = None
    ) -> Side:
        """Raises NotCovered, UndecodedLogs."""
        between = Between(folded_to(token, self._block.number), self._block.number)
        return Side(unit.asset, token, between, self._until, only, holders_of)

    def _with_evidence(self, books: Books, held: AssetBooks) -> Books:
        """With why positions differ, which trades have one leg, what state the token is in, and what is late."""
        isin, number = books.isin, self._block.number
        binding = self._binding()
        found = states(isin=isin, token=held.token, block=number)
        why = self._causes(held, books.ledger_sequence)
        contract = addresses().get(DVP)
        registry = [binding.identity_registry] if binding and binding.identity_registry else []
        since = self._ask.since
        after = since.block_number if since and not has_broken_trades(isin) else -1
        return replace(
            books,
            binding=binding,
            issued=_issued(isin),
            security=self._with_rows_of(why, held),
            causes=why,
            legs_on_chain=tuple(
                one_legged_on_chain(contract=contract, token=held.token, after_block=after, block=number)
                if contract
                else ()
            ),
            legs_in_books=tuple(one_legged_in_books(isin=isin)),
            expected=self._expected(held.unit, binding, found),
            states=found,
            unexplained=frozenset(each.tx_hash for each in unexplained(isin, number)),
            stale=tuple(stale_intents(isin=isin, addresses=[held.token, *registry], now=self._now)),
            in_flight=len(in_flight(isin)),
        )

    def _causes(self, held: AssetBooks, newest: int) -> tuple[Cause, ...]:
        trail = Trail(held.unit.asset, held.token, self._block.number, newest, self._until, self._ask.traced)
        return trace(trail, [row.wallet for row in held.positions.rows if row.settled != row.events])

    def _with_rows_of(self, why: Sequence[Cause], held: AssetBooks) -> AssetBooks:
        """With the rows of wallets that agree only because one difference hides another."""
        there = {row.wallet for row in held.positions.rows}
        hidden = [wallet for wallet, units in added(*(each.effects for each in why)).items() if units]
        if not (missing := [wallet for wallet in hidden if wallet not in there]):
            return held
        more = positions(self._side(held.unit, held.token, missing), always=missing)
        return replace(held, positions=replace(held.positions, rows=(*held.positions.rows, *more.rows)))

    def _binding(self) -> BindingView | None:
        try:
            return binding_at(self._security.isin, self._block.number)
        except UnknownToken:
            return None

    def _expected(self, unit: Unit, binding: BindingView | None, found: States) -> Expected:
        """What is ours to keep is held against our own acts; of another's token, what its events say."""
        ours = binding is not None and binding.is_ours
        paused = found.paused_by_us if ours else found.paused
        decimals = {"security": self._security.quantity_decimals, "ledger": decimals_of(unit.asset)}
        if binding is not None:
            decimals["binding"] = binding.decimals
        return Expected(
            frozen=found.frozen_by_us if ours else found.frozen,
            # A halted security may be paused or not: trading stops here either way.
            paused=paused if self._security.status == SecurityStatus.ACTIVE else None,
            verified=registered_wallets(unit.asset) if ours else None,
            decimals=decimals,
            cash_decimals=self._cash_decimals(),
            acts=found.acts,
        )

    def _cash_decimals(self) -> dict[str, int]:
        terms = self._security.terms
        if terms.cash_asset not in self._tokens:
            return {}
        return {"security": terms.cash_decimals, "ledger": decimals_of(terms.cash_asset)}


def _not_folding(assets: Collection[str]) -> Unfolded:
    """Accounts whose balance is not what their entries say."""
    found = {asset: fold_check(asset) for asset in assets}
    wallet_of = wallets_of_accounts([each.account_id for differing in found.values() for each in differing])
    return {asset: {wallet_of.get(each.account_id): each for each in differing} for asset, differing in found.items()}


def _issued(isin: str) -> int | None:
    """The issued control total, with mints already in the books that it has yet to be told of; None if none is kept."""
    totals = issued_totals(isin)
    if totals is None:
        return None
    booked = [i for i in submitted(isin) if (m := movement(f"issuance:{i.id}")) and m.state == MovementState.POSTED]
    return totals.issued + sum(i.quantity for i in booked)
