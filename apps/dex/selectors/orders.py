"""Reading orders, trades and the book."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet, Sum

from apps.core.db import Columns, fetch_all, fetch_one
from apps.core.money import format_base_units
from apps.dex.errors import UnknownOrder
from apps.dex.models import BookState, Command, Order, Trade
from apps.dex.types import BookView, CommandKind, FillView, LevelView, OrderState, OrderView, TradeView
from apps.securities.selectors.securities import securities_named, security
from apps.securities.types import SecurityView

ORDER, COMMAND, TRADE = Columns(Order, "o"), Columns(Command, "c"), Columns(Trade, "t")
# Asked for every order: the command that placed it, and the order once the matcher has seen it.
ONE_ORDER = f"""
SELECT o.id, {COMMAND}, {ORDER} FROM dex_command c LEFT JOIN dex_order o ON o.command_id = c.id
WHERE c.order_id = %s AND c.kind = '{CommandKind.NEW}'
"""  # noqa: S608 (our own columns)
FILLS = f"""
SELECT {TRADE} FROM dex_trade t
WHERE t.maker_order_id = ANY(%(orders)s::uuid[]) OR t.taker_order_id = ANY(%(orders)s::uuid[]) ORDER BY t.id
"""  # noqa: S608 (our own columns)


def orders_of(party_id: UUID | None) -> QuerySet[Order]:
    """A party's orders, or everybody's (None, for officers), as rows for a page."""
    rows = Order.objects.select_related("command")
    # The command's party too: its index finds an order by the client's own id.
    return rows if party_id is None else rows.filter(party_id=party_id, command__party_id=party_id)


def order_view(order_id: UUID, party_id: UUID | None = None) -> OrderView:
    """One order, PENDING until the matcher has seen it. Raises UnknownOrder, also for another party's."""
    found = fetch_one(ONE_ORDER, [order_id])
    command = COMMAND.read(found, 1) if found else None
    if command is None or (party_id is not None and command.party_id != party_id):
        raise UnknownOrder
    if found is None or found[0] is None:
        return _pending_view(command)
    order = ORDER.read(found, 1 + len(COMMAND))
    order.command = command
    return order_views([order])[0]


def order_views(rows: Iterable[Order]) -> list[OrderView]:
    """Orders as their owners see them, with their fills, in three queries."""
    rows = list(rows)
    terms = _terms({row.isin for row in rows})
    fills = _fills({row.pk for row in rows})
    return [_view(row, terms[row.isin], fills.get(row.pk, [])) for row in rows]


def _terms(isins: set[str]) -> dict[str, SecurityView]:
    return {view.isin: view for view in securities_named(isins)} if isins else {}


def _fills(order_ids: set[UUID]) -> dict[UUID, list[Trade]]:
    found: dict[UUID, list[Trade]] = {}
    for trade in map(TRADE.read, fetch_all(FILLS, {"orders": list(order_ids)})):
        for order_id in {trade.maker_order_id, trade.taker_order_id} & order_ids:
            found.setdefault(order_id, []).append(trade)
    return found


def _view(row: Order, view: SecurityView, fills: list[Trade]) -> OrderView:
    remaining = 0 if row.status == OrderState.REJECTED else row.quantity - row.filled - row.canceled
    return OrderView(
        order_id=row.pk,
        client_order_id=row.command.client_command_id,
        filled_quantity=format_base_units(row.filled, view.quantity_decimals),
        remaining_quantity=format_base_units(remaining, view.quantity_decimals),
        status=row.status,
        reason=row.reason,
        fills=tuple(_fill_view(trade, view) for trade in fills),
        **_common(row, view, row.created_at),
    )


def _pending_view(command: Command) -> OrderView:
    view = security(command.isin)
    quantity = format_base_units(command.quantity or 0, view.quantity_decimals)
    return OrderView(
        order_id=command.order_id,
        client_order_id=command.client_command_id,
        filled_quantity=format_base_units(0, view.quantity_decimals),
        remaining_quantity=quantity,
        status=OrderState.PENDING,
        reason=None,
        fills=(),
        **_common(command, view, command.received_at),
    )


def _common(row: Order | Command, view: SecurityView, created_at: Any) -> dict[str, Any]:
    return {
        "isin": row.isin,
        "side": row.side,
        "order_type": row.order_type,
        "time_in_force": row.time_in_force,
        "price": format_base_units(row.price or 0, view.terms.cash_decimals),
        "quantity": format_base_units(row.quantity or 0, view.quantity_decimals),
        "created_at": created_at,
    }


def _fill_view(trade: Trade, view: SecurityView) -> FillView:
    return FillView(
        trade_id=trade.pk,
        price=format_base_units(trade.price, view.terms.cash_decimals),
        quantity=format_base_units(trade.quantity, view.quantity_decimals),
        cash_amount=format_base_units(trade.cash_amount, view.terms.cash_decimals),
        executed_at=trade.executed_at,
    )


def trades_of(isin: str) -> QuerySet[Trade]:
    """A security's trades, as rows for a page."""
    return Trade.objects.filter(isin=isin)


def trade_view(trade: Trade, view: SecurityView) -> TradeView:
    """A trade as the market sees it."""
    return TradeView(
        trade_id=trade.pk,
        isin=trade.isin,
        price=format_base_units(trade.price, view.terms.cash_decimals),
        quantity=format_base_units(trade.quantity, view.quantity_decimals),
        taker_side=trade.taker_side,
        executed_at=trade.executed_at,
    )


def book(isin: str, depth: int) -> BookView:
    """The best `depth` price levels of each side. Raises UnknownSecurity."""
    view = security(isin)
    state = BookState.objects.filter(pk=isin).first()
    return BookView(isin, state.seq if state else 0, _levels(view, "BUY", depth), _levels(view, "SELL", depth))


def _levels(view: SecurityView, side: str, depth: int) -> tuple[LevelView, ...]:
    best_first = "-price" if side == "BUY" else "price"
    resting = Order.objects.open().for_security(view.isin).filter(side=side).values("price")
    levels = resting.annotate(rests=Sum(F("quantity") - F("filled")), count=Count("id")).order_by(best_first)[:depth]
    return tuple(
        LevelView(
            price=format_base_units(int(level["price"]), view.terms.cash_decimals),
            quantity=format_base_units(int(level["rests"]), view.quantity_decimals),
            orders=level["count"],
        )
        for level in levels
    )
