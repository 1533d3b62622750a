"""Effects in, one commit out: journal, orders, trades, holds, pending transfers, instructions, events."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from apps.audit.services.trail import log_audit_event
from apps.audit.types import RecordClass
from apps.core import outbox
from apps.core.actor import system_actor
from apps.core.daemon import Deposed
from apps.core.db import as_columns, copy_rows, notify, run_sql, within_unit_of_work
from apps.core.money import format_base_units
from apps.dex.matching import OrderChange
from apps.dex.models import JournalEntry, Order, Trade, Verdict, trade_ref
from apps.dex.sequencing.deciding import Effects, Match
from apps.dex.services.verdicts import CHANNEL, IDS_PER_NOTICE
from apps.dex.types import BATCH_COMMITTED
from apps.ledger.services.batches import write_batch
from apps.ledger.types import HoldEntry, PendingTransfer, TransferKind
from apps.settlement.services.instructions import instruct_many
from apps.settlement.types import InstructionDraft

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Position:
    """Where the shard's sequence stands in this epoch."""

    shard: str
    epoch: int
    seq: int
    hash: str
    place: int
    trade_id: int


@within_unit_of_work
def write_effects(effects: Effects, at: Position, book_hashes: dict[str, str], now: datetime) -> Position:
    """Write one batch and move the sequence; the new position. Raises Deposed if another epoch has begun."""
    body = b"\n".join(effects.journal)
    after = replace(
        at,
        seq=at.seq + 1,
        hash=chained(at.hash, at.seq + 1, at.epoch, body),
        place=at.place + len(effects.placed),
        trade_id=at.trade_id + len(effects.matches),
    )
    _move(at, after)
    _write_journal(effects, at, after, body)
    _write_orders(effects, at)
    trades = list(enumerate(effects.matches, at.trade_id + 1))
    _write_trades(trades, after.seq, now)
    write_batch(holds=_holds(effects, after.seq), pendings=[p for n, m in trades for p in _pendings(n, m, now)])
    if trades:
        instruct_many(drafts=[_draft(number, match, now) for number, match in trades], now=now)
    _write_book_states(book_hashes, after.seq)
    _publish(effects)
    _acknowledge(effects, after.seq)
    return after


def chained(previous: str, seq: int, epoch: int, body: bytes) -> str:
    """A journal row's hash: over the hash before it, its place and its content."""
    return hashlib.sha256(f"{previous} {seq} {epoch}\n".encode() + body).hexdigest()


def _move(at: Position, after: Position) -> None:
    """The fence: only the newest epoch, standing where it thinks it stands, may write."""
    moved = run_sql(
        """UPDATE dex_sequencer SET last_seq = %s, last_hash = %s, last_place = %s, last_trade_id = %s
           WHERE shard = %s AND epoch = %s AND last_seq = %s""",
        [after.seq, after.hash, after.place, after.trade_id, at.shard, at.epoch, at.seq],
    )
    if not moved:
        raise Deposed(at.shard)


def _write_journal(effects: Effects, at: Position, after: Position, body: bytes) -> None:
    columns = ["shard", "seq", "epoch", "commands", "body", "prev_hash", "hash"]
    row = (at.shard, after.seq, at.epoch, len(effects.verdicts), body, at.hash, after.hash)
    copy_rows(JournalEntry, columns, [row])
    # The journal row is the record of all that the batch did; the log says which row, and its hash.
    log_audit_event(
        actor=system_actor(),
        action=BATCH_COMMITTED,
        resource_type="dex_journal",
        resource_id=at.shard,
        after={"seq": after.seq, "epoch": at.epoch, "commands": len(effects.verdicts), "hash": after.hash},
        record_class=RecordClass.ORDERS_AND_TRADES,
    )


def _write_orders(effects: Effects, at: Position) -> None:
    placed = {str(command.order_id) for command in effects.placed}
    rows = [_order_row(effects, place, command) for place, command in enumerate(effects.placed, at.place + 1)]
    copy_rows(Order, ORDER_COLUMNS, rows)
    moved = [(c.order_id, *_state(effects, c)) for key, c in sorted(effects.changes.items()) if key not in placed]
    if moved:
        run_sql(
            """UPDATE dex_order o SET status = n.status, filled = n.filled, canceled = n.canceled, reason = n.reason
               FROM unnest(%s::uuid[], %s::text[], %s::numeric[], %s::numeric[], %s::text[])
                   AS n (id, status, filled, canceled, reason)
               WHERE o.id = n.id""",
            as_columns(moved, 5),
        )


ORDER_COLUMNS = (
    "id", "command_id", "party_id", "isin", "side", "order_type", "time_in_force", "price", "quantity",
    "wallet_address", "position_account_id", "cash_account_id", "place", "created_at",
    "status", "filled", "canceled", "reason",
)  # fmt: skip


def _order_row(effects: Effects, place: int, command: Any) -> tuple[Any, ...]:
    change = effects.changes[str(command.order_id)]
    return (
        command.order_id, command.pk, command.party_id, command.isin, command.side, command.order_type,
        command.time_in_force, command.price, command.quantity, command.wallet_address,
        command.position_account_id, command.cash_account_id, place, command.received_at,
        *_state(effects, change),
    )  # fmt: skip


def _state(effects: Effects, change: OrderChange) -> tuple[str, int, int, str | None]:
    return str(change.status), change.filled, change.canceled, effects.reasons.get(str(change.order_id))


def _write_trades(trades: Sequence[tuple[int, Match]], seq: int, now: datetime) -> None:
    columns = (
        "id", "isin", "maker_order_id", "taker_order_id", "buyer_party_id", "seller_party_id", "taker_side",
        "price", "quantity", "cash_asset", "cash_amount", "seq", "executed_at",
    )  # fmt: skip
    rows = [
        (
            number, m.view.isin, m.fill.maker_id, m.fill.taker_id, m.buyer.party_id, m.seller.party_id,
            str(m.fill.taker_side), m.fill.price, m.fill.quantity, m.view.terms.cash_asset, m.fill.cash_amount,
            seq, now,
        )
        for number, m in trades
    ]  # fmt: skip
    copy_rows(Trade, columns, rows)


def _holds(effects: Effects, seq: int) -> list[HoldEntry]:
    """One entry an order: what it set aside in this batch, less what its fills and its end took from it."""
    return [
        HoldEntry(f"seq:{seq}:order:{order_id}", effects.held_by[order_id], amount, f"order:{order_id}")
        for order_id, amount in effects.held.items()
        if amount
    ]


def _pendings(number: int, match: Match, now: datetime) -> tuple[PendingTransfer, PendingTransfer]:
    """Both legs, reserved until settlement posts or voids them."""
    ref, fill, buyer, seller = trade_ref(number), match.fill, match.buyer, match.seller
    return (
        PendingTransfer(
            idem_key=f"{ref}:security",
            debit_account_id=seller.position_account_id,
            credit_account_id=buyer.position_account_id,
            amount=fill.quantity,
            kind=TransferKind.SETTLEMENT_SECURITY,
            source_ref=ref,
            effective_at=now,
        ),
        PendingTransfer(
            idem_key=f"{ref}:cash",
            debit_account_id=buyer.cash_account_id,
            credit_account_id=seller.cash_account_id,
            amount=fill.cash_amount,
            kind=TransferKind.SETTLEMENT_CASH,
            source_ref=ref,
            effective_at=now,
        ),
    )


def _draft(number: int, match: Match, now: datetime) -> InstructionDraft:
    fill, buyer, seller = match.fill, match.buyer, match.seller
    return InstructionDraft(
        trade_ref=trade_ref(number),
        isin=match.view.isin,
        seller_party_id=seller.party_id,
        buyer_party_id=buyer.party_id,
        seller_wallet=seller.wallet_address,
        buyer_wallet=buyer.wallet_address,
        security_debit_account_id=seller.position_account_id,
        security_credit_account_id=buyer.position_account_id,
        cash_debit_account_id=buyer.cash_account_id,
        cash_credit_account_id=seller.cash_account_id,
        quantity=fill.quantity,
        cash_asset=match.view.terms.cash_asset,
        cash_amount=fill.cash_amount,
        trade_date=now.date(),
        intended_settlement_date=settlement_date(now.date(), match.view.terms.days_to_settle),
    )


def settlement_date(trade_date: date, days: int) -> date:
    """`days` weekdays after the trade date (T+n); holidays are not known here."""
    found = trade_date
    while days:
        found += timedelta(days=1)
        days -= found.weekday() < SATURDAY
    return found


def _write_book_states(book_hashes: dict[str, str], seq: int) -> None:
    run_sql(
        """INSERT INTO dex_bookstate (isin, seq, book_hash) SELECT isin, %s, hash
           FROM unnest(%s::text[], %s::text[]) AS n (isin, hash)
           ON CONFLICT (isin) DO UPDATE SET seq = EXCLUDED.seq, book_hash = EXCLUDED.book_hash""",
        [seq, *as_columns(sorted(book_hashes.items()), 2)],
    )


def _publish(effects: Effects) -> None:
    """Tell of every order this batch filled, wholly or in part."""
    parties: dict[str, Match] = {}
    for match in effects.matches:
        parties[str(match.fill.buy_order_id)] = parties[str(match.fill.sell_order_id)] = match
    events = [(order_id, _filled_event(effects, order_id, match)) for order_id, match in parties.items()]
    if events:
        outbox.publish_many(topic="dex.order_filled", events=events)


def _filled_event(effects: Effects, order_id: str, match: Match) -> dict[str, Any]:
    change = effects.changes[order_id]
    party = match.buyer if str(match.fill.buy_order_id) == order_id else match.seller
    decimals = match.view.quantity_decimals
    return {
        "order_id": order_id,
        "party_id": str(party.party_id),
        "isin": match.view.isin,
        "status": str(change.status),
        "filled": format_base_units(change.filled, decimals),
        "quantity": format_base_units(change.filled + change.canceled + change.remaining, decimals),
    }


def _acknowledge(effects: Effects, seq: int) -> None:
    """The commands are decided: verdicts in, inbox rows out, waiting requests woken at commit."""
    copy_rows(Verdict, ("command_id", "seq", "code"), [(pk, seq, code) for pk, code in effects.verdicts])
    decided = [pk for pk, _ in effects.verdicts]
    run_sql("DELETE FROM dex_inbox WHERE command_id = ANY(%s)", [decided])
    for start in range(0, len(decided), IDS_PER_NOTICE):
        notify(CHANNEL, ",".join(map(str, decided[start : start + IDS_PER_NOTICE])))
