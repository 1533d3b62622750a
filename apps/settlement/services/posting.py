"""What final logs mean, put into the books. Part of the projection's unit of work; a replay changes nothing.

Postings are keyed by trade reference, or by (block hash, log index); instructions and expected movements remember
the chain transaction that ended them.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from apps.chain.selectors.intents import of_transactions
from apps.chain.types.events import ZERO_ADDRESS
from apps.core.db import within_unit_of_work
from apps.core.money import MAX_BASE_UNITS
from apps.ledger.selectors.balances import lock_balances
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.services.transfers import move_cash_external
from apps.ledger.types import AccountKey, AccountKind
from apps.settlement.explain import Failed, Moved, Settled
from apps.settlement.models import ProjectedContract, SettlementInstruction, UnexplainedMovement
from apps.settlement.reasons import read_reason
from apps.settlement.services.booking import Booking, key_of
from apps.settlement.services.minting import match_mints, post_mints
from apps.settlement.services.recovering import book_recoveries
from apps.settlement.services.status import mark_failed, mark_settled
from apps.settlement.types import ContractKind, SettlementStatus, Unexplained

log = logging.getLogger(__name__)

Instructions = Mapping[str, SettlementInstruction]


@within_unit_of_work
def book(*, booking: Booking, now: datetime) -> None:
    """Post settled trades, order what failed again, post cash and our mints, note what nothing explains."""
    meaning = booking.meaning
    for trade in meaning.one_legged:
        log.error("a trade was reported settled without both legs", extra={"dvp_id": trade.id})
    instructions = _lock_instructions([s.trade.id for s in meaning.settled] + [f.dvp_id for f in meaning.failed])
    intents = of_transactions({f.log.tx_hash for f in meaning.failed} | {m.log.tx_hash for m in meaning.moved})
    ours, foreign = _divide(meaning.settled, instructions, booking)
    moved = _in_order(meaning.moved, foreign)
    cash = [m for m in moved if booking.tokens[m.log.address].kind == ContractKind.CASH]
    securities = [m for m in moved if booking.tokens[m.log.address].kind == ContractKind.SECURITY]
    mints, left = match_mints(moved=securities, booking=booking, intents=intents)
    recovered = {(each.log.tx_hash, each.log.address) for each in meaning.recovered}
    remapped = [one for one in left if (one.log.tx_hash, one.log.address) in recovered]
    _lock_accounts(booking, instructions.values(), cash, [*(one for _, one in mints), *remapped])
    _book_settled(ours, instructions, booking)
    _book_failed(meaning.failed, instructions, intents, booking, now)
    _book_cash(cash, booking)
    post_mints(pairs=mints, booking=booking, now=now)
    for one in book_recoveries(moved=left, recovered=meaning.recovered, booking=booking):
        note_unexplained(moved=one, token=booking.tokens[one.log.address], reason=_kind_of(one))


def _lock_instructions(dvp_ids: list[str]) -> dict[str, SettlementInstruction]:
    rows = SettlementInstruction.objects.filter(dvp_id__in=dvp_ids).order_by("id")
    return {row.dvp_id: row for row in rows.select_for_update(of=("self",), no_key=True)}


def _divide(
    settled: Iterable[Settled], instructions: Instructions, booking: Booking
) -> tuple[list[Settled], list[Settled]]:
    ours: list[Settled] = []
    foreign: list[Settled] = []
    for one in settled:
        (ours if _is_ours(one, instructions, booking) else foreign).append(one)
    return ours, foreign


def _is_ours(settled: Settled, instructions: Instructions, booking: Booking) -> bool:
    """Whether the trade is one we instructed, exactly so, and is open or was settled by this very transaction."""
    row, trade = instructions.get(settled.trade.id), settled.trade
    if row is None:
        return False
    agreed = (row.seller_wallet, row.buyer_wallet, row.quantity, row.cash_amount, row.isin, row.cash_asset)
    assets = (booking.tokens[trade.security].asset, booking.tokens[trade.payment].asset)
    if agreed != (trade.seller, trade.buyer, trade.quantity, trade.amount, *assets):
        log.error("a trade settled otherwise than instructed", extra={"instruction_id": str(row.pk)})
        return False
    if row.open_intent_id is None and row.tx_hash != settled.log.tx_hash:
        log.error("a trade settled that was not in flight", extra={"instruction_id": str(row.pk)})
        return False
    return True


def _in_order(moved: Iterable[Moved], foreign: Iterable[Settled]) -> list[Moved]:
    """All movements that are no leg of our trades, in chain order. Anyone may move nothing: that is no movement."""
    legs = [leg for s in foreign for leg in (s.security_leg, s.cash_leg)]
    loose = [one for one in (*moved, *(Moved.of(leg) for leg in legs)) if one.transfer.amount]
    return sorted(loose, key=lambda m: (m.log.block_number, m.log.log_index))


def _lock_accounts(
    booking: Booking, rows: Iterable[SettlementInstruction], cash: Iterable[Moved], securities: Iterable[Moved]
) -> None:
    """Lock every balance this will touch in one go: later locks are then ours already, whatever their order."""
    ids: set[UUID] = set()
    for row in rows:
        ids |= {row.security_debit_account_id, row.security_credit_account_id}
        ids |= {row.cash_debit_account_id, row.cash_credit_account_id}
    keys: set[AccountKey] = set()
    for moved in cash:
        keys |= _keys(moved, booking, AccountKind.CASH, AccountKind.EXTERNAL)
    for moved in securities:
        keys |= _keys(moved, booking, AccountKind.POSITION, AccountKind.ISSUANCE)
    lock_balances(ids | set(ensure_accounts(keys=keys).values()))


def _keys(moved: Moved, booking: Booking, holding: AccountKind, outside: AccountKind) -> set[AccountKey]:
    """The accounts of both ends: a wallet's, or for the zero address the control account."""
    asset = booking.tokens[moved.log.address].asset
    ends = (moved.transfer.sender, moved.transfer.recipient)
    return {AccountKey(asset, outside) if end == ZERO_ADDRESS else AccountKey(asset, holding, end) for end in ends}


def _book_settled(settled: Iterable[Settled], instructions: Instructions, booking: Booking) -> None:
    outcomes = [(instructions[s.trade.id], booking.evidence(s.log)) for s in settled]
    fresh = [(row, evidence) for row, evidence in outcomes if row.settlement_status != SettlementStatus.SETT]
    if fresh:
        mark_settled(outcomes=fresh)


def _book_failed(
    failed: Iterable[Failed],
    instructions: Instructions,
    intents: Mapping[str, UUID],
    booking: Booking,
    now: datetime,
) -> None:
    """Only the outcome of the call that holds the instruction counts: an older call's was counted before."""
    cash_tokens = frozenset(a for a, token in booking.tokens.items() if token.kind == ContractKind.CASH)
    for one in failed:
        row = instructions.get(one.dvp_id)
        if row is None or row.open_intent_id is None or row.open_intent_id != intents.get(one.log.tx_hash):
            continue
        evidence = booking.evidence(one.log)
        failure = read_reason(one.reason, cash_tokens=cash_tokens)
        mark_failed(row=row, failure=failure, chain_time=evidence.at, now=now, evidence=evidence)


def _book_cash(cash: Iterable[Moved], booking: Booking) -> None:
    """The chain is the truth: what a wallet paid beyond its free balance is booked against SUSPENSE and noted."""
    for moved in cash:
        entry, transfer, token = moved.log, moved.transfer, booking.tokens[moved.log.address]
        if transfer.amount > MAX_BASE_UNITS:
            note_unexplained(moved=moved, token=token, reason=Unexplained.OVERSIZE)
            continue
        short = move_cash_external(
            idem_key=key_of(entry),
            asset=token.asset,
            from_wallet=None if transfer.is_mint else transfer.sender,
            to_wallet=None if transfer.is_burn else transfer.recipient,
            amount=transfer.amount,
            source_ref=entry.tx_hash,
            effective_at=booking.times[entry.block_hash],
        )
        if short:
            note_unexplained(moved=moved, token=token, reason=Unexplained.CASH_SHORTFALL)


def _kind_of(moved: Moved) -> Unexplained:
    if moved.transfer.is_mint:
        return Unexplained.MINT
    return Unexplained.BURN if moved.transfer.is_burn else Unexplained.TRANSFER


@within_unit_of_work
def note_unexplained(*, moved: Moved, token: ProjectedContract, reason: Unexplained) -> None:
    """Write the movement down, once, for reconciliation."""
    entry, transfer = moved.log, moved.transfer
    row = UnexplainedMovement(
        reason=reason,
        asset=token.asset,
        contract_address=entry.address,
        tx_hash=entry.tx_hash,
        block_hash=entry.block_hash,
        block_number=entry.block_number,
        log_index=entry.log_index,
        from_address=transfer.sender,
        to_address=transfer.recipient,
        amount=transfer.amount,
    )
    UnexplainedMovement.objects.bulk_create([row], ignore_conflicts=True)
    log.warning("unexplained movement", extra={"asset": token.asset, "reason": str(reason), "tx_hash": entry.tx_hash})
