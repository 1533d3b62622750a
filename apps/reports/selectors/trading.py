"""Trading per security: orders placed and trades made in the period."""

from typing import Any

from apps.core.db import fetch_all
from apps.reports.selectors.figures import amount, average, price, ratio
from apps.reports.types import ReportQuery, Row
from apps.securities.types import SecurityView

# What was refused was never open to be filled.
ORDERS = """
SELECT isin, count(*), count(*) FILTER (WHERE status = 'REJECTED'),
       sum(quantity) FILTER (WHERE status <> 'REJECTED'), sum(filled)
FROM dex_order
WHERE isin = ANY(%(isins)s)
  AND (%(starts_at)s::timestamptz IS NULL OR created_at >= %(starts_at)s)
  AND (%(ends_before)s::timestamptz IS NULL OR created_at < %(ends_before)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
GROUP BY isin
"""
# With a status: the trades in which an order of that status took part.
TRADES = """
SELECT isin, count(*), sum(quantity), sum(cash_amount)
FROM dex_trade t
WHERE isin = ANY(%(isins)s)
  AND (%(starts_at)s::timestamptz IS NULL OR executed_at >= %(starts_at)s)
  AND (%(ends_before)s::timestamptz IS NULL OR executed_at < %(ends_before)s)
  AND (%(status)s::text IS NULL OR EXISTS (
      SELECT FROM dex_order o WHERE o.id IN (t.maker_order_id, t.taker_order_id) AND o.status = %(status)s))
GROUP BY isin
"""


def rows(securities: list[SecurityView], query: ReportQuery) -> list[Row]:
    """One row a security. Volume in units, turnover in cash; VWAP = turnover / volume."""
    params = query.params | {"isins": [each.isin for each in securities]}
    orders = {isin: figures for isin, *figures in fetch_all(ORDERS, params)}
    trades = {isin: figures for isin, *figures in fetch_all(TRADES, params)}
    return [_row(each, orders.get(each.isin, [0] * 4), trades.get(each.isin, [0] * 3)) for each in securities]


def _row(security: SecurityView, orders: list[Any], trades: list[Any]) -> Row:
    placed, rejected, ordered, filled = orders
    made, volume, turnover = trades
    units, cash = security.quantity_decimals, security.terms.cash_decimals
    return {
        "isin": security.isin,
        "cash_asset": security.terms.cash_asset,
        "orders": placed,
        "orders_rejected": rejected,
        "quantity_ordered": amount(ordered, units),
        "quantity_filled": amount(filled, units),
        "fill_rate": ratio(filled, ordered),
        "trades": made,
        "volume": amount(volume, units),
        "turnover": amount(turnover, cash),
        "vwap": price(turnover, volume, quantity_decimals=units, cash_decimals=cash),
        "average_trade_value": average(turnover, made, cash),
        "order_to_trade_ratio": ratio(placed, made),
    }
