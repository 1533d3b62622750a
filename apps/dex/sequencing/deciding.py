"""Commands in, effects out: everything a batch does, decided in memory. Nothing is written here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apps.dex.matching import (
    Cancel,
    Fill,
    NewOrder,
    OrderChange,
    RejectCode,
    Result,
    Side,
    TimeInForce,
    required_hold,
    result_bytes,
)
from apps.dex.models import Command
from apps.dex.sequencing.books import Books, OpenBook, Party, party_of
from apps.dex.sequencing.funds import Funds
from apps.dex.types import CommandKind
from apps.securities.types import SecurityView


@dataclass(frozen=True, slots=True)
class Match:
    """One trade, with the parties and accounts it concerns."""

    fill: Fill
    buyer: Party
    seller: Party
    view: SecurityView


@dataclass(slots=True)
class Effects:
    """What one batch does."""

    verdicts: list[tuple[int, str | None]] = field(default_factory=list)
    placed: list[Command] = field(default_factory=list)
    changes: dict[str, OrderChange] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)
    held_by: dict[str, UUID] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)
    journal: list[bytes] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


def accounts_of(batch: Sequence[Command]) -> set[UUID]:
    """The accounts whose balances decide the batch."""
    return {hold_account(party_of(c), c.side) for c in batch if c.kind == CommandKind.NEW}


def hold_account(party: Party, side: str) -> UUID:
    """What an order sets aside lies here: cash for a buy, the position for a sale."""
    return party.cash_account_id if side == Side.BUY else party.position_account_id


def decide(batch: Sequence[Command], books: Books, funds: Funds) -> Effects:
    """Apply each command to its book in order. After an exception the books touched must be dropped."""
    effects = Effects()
    for command in batch:
        book = books[command.isin]
        effects.touched.add(command.isin)
        result = _place(command, book, funds) if command.kind == CommandKind.NEW else _cancel(command, book)
        _note(effects, command, result, book, funds)
    return effects


def _place(command: Command, book: OpenBook, funds: Funds) -> Result:
    order, party = new_order(command), party_of(command)
    code = _refusal(order, party, book, funds)
    book.parties[str(command.order_id)] = party
    return book.matcher.apply(order) if code is None else book.matcher.reject(order, code)


def _refusal(order: NewOrder, party: Party, book: OpenBook, funds: Funds) -> RejectCode | None:
    """Why the order is refused, or None; then its hold is set aside."""
    if book.view.status != "ACTIVE":
        return RejectCode.SECURITY_NOT_ACTIVE
    if code := book.matcher.refusal(order):
        return code
    hold = required_hold(book.matcher.instrument, order.side, order.price, order.quantity)
    if funds.hold(hold_account(party, order.side), hold):
        return None
    return RejectCode.INSUFFICIENT_FUNDS if order.side is Side.BUY else RejectCode.INSUFFICIENT_POSITION


def new_order(command: Command) -> NewOrder:
    """The order a command places, as the core wants it."""
    return NewOrder(
        str(command.order_id),
        str(command.party_id),
        Side(command.side),
        command.price or 0,
        command.quantity or 0,
        TimeInForce(command.time_in_force),
    )


def _cancel(command: Command, book: OpenBook) -> Result:
    return book.matcher.apply(Cancel(str(command.order_id), str(command.party_id)))


def _note(effects: Effects, command: Command, result: Result, book: OpenBook, funds: Funds) -> None:
    code = str(result.code) if result.code else None
    effects.verdicts.append((command.pk, code))
    effects.journal.append(b"%d %b" % (command.pk, result_bytes(result)))
    if command.kind == CommandKind.NEW:
        effects.placed.append(command)
        if code:
            effects.reasons[str(command.order_id)] = code
        else:
            _hold(effects, command, book)
    for fill in result.fills:
        _note_fill(effects, fill, book)
    for change in result.orders:
        _note_change(effects, change, book, funds)


def _hold(effects: Effects, command: Command, book: OpenBook) -> None:
    order_id, side = str(command.order_id), Side(command.side)
    instrument = book.matcher.instrument
    effects.held[order_id] += required_hold(instrument, side, command.price or 0, command.quantity or 0)
    effects.held_by[order_id] = hold_account(party_of(command), side)


def _note_fill(effects: Effects, fill: Fill, book: OpenBook) -> None:
    """What a fill consumes of both holds is from now on a pending transfer's."""
    buy, sell = str(fill.buy_order_id), str(fill.sell_order_id)
    buyer, seller = book.parties[buy], book.parties[sell]
    effects.held[buy] -= fill.cash_amount
    effects.held[sell] -= fill.quantity
    effects.held_by[buy] = buyer.cash_account_id
    effects.held_by[sell] = seller.position_account_id
    effects.matches.append(Match(fill, buyer, seller, book.view))


def _note_change(effects: Effects, change: OrderChange, book: OpenBook, funds: Funds) -> None:
    order_id = str(change.order_id)
    effects.changes[order_id] = change
    if change.reason is not None:
        effects.reasons[order_id] = str(change.reason)
    if change.hold_released:
        account_id = hold_account(book.parties[order_id], change.side)
        effects.held[order_id] -= change.hold_released
        effects.held_by[order_id] = account_id
        funds.release(account_id, change.hold_released)
    if change.status.is_final:
        del book.parties[order_id]
