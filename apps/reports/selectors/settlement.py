"""Settlement per security: instructions by trade date, how many settled, and how old the failing ones are."""

from collections import defaultdict
from datetime import date
from typing import Any

from apps.core.db import fetch_all
from apps.reports.selectors.figures import amount, ratio
from apps.reports.types import ReportQuery, Row
from apps.securities.types import SecurityView

# One status of the two ISO 20022 axes: that of processing unless the instruction is accepted.
CHOSEN = """
WITH chosen AS (
    SELECT isin, quantity, cash_amount, reason_code, intended_settlement_date,
           CASE WHEN processing_status = 'PACK' THEN settlement_status ELSE processing_status END AS status
    FROM settlement_settlementinstruction
    WHERE isin = ANY(%(isins)s)
      AND (%(date_from)s::date IS NULL OR trade_date >= %(date_from)s)
      AND (%(date_to)s::date IS NULL OR trade_date <= %(date_to)s)
), filtered AS (SELECT * FROM chosen WHERE %(status)s::text IS NULL OR status = %(status)s)
"""
BY_STATUS = f"""{CHOSEN}
SELECT isin, status, reason_code, count(*), sum(quantity), sum(cash_amount)
FROM filtered GROUP BY isin, status, reason_code ORDER BY isin, status, reason_code
"""  # noqa: S608 (constants only)
# Failing: refused at least once, or still pending past the intended date.
AGEING = f"""{CHOSEN}
SELECT isin, bucket, count(*), sum(cash_amount), max(days) FROM (
    SELECT isin, cash_amount, days, CASE WHEN days < 2 THEN '0-1' WHEN days < 5 THEN '2-4' WHEN days < 10 THEN '5-9'
           WHEN days < 30 THEN '10-29' ELSE '30+' END AS bucket
    FROM (SELECT isin, cash_amount, status, greatest(%(today)s::date - intended_settlement_date, 0) AS days,
                 intended_settlement_date < %(today)s::date AS late FROM filtered) aged
    WHERE status = 'PENF' OR (status = 'PEND' AND late)
) failing GROUP BY isin, bucket ORDER BY isin, min(days)
"""  # noqa: S608 (constants only)

Grouped = dict[str, list[tuple[Any, ...]]]


def rows(securities: list[SecurityView], query: ReportQuery, today: date) -> list[Row]:
    """One row a security; rates are of the instructions selected, by count and by cash value."""
    params = query.params | {"isins": [each.isin for each in securities], "today": today}
    by_status, ageing = _grouped(BY_STATUS, params), _grouped(AGEING, params)
    return [_row(each, by_status[each.isin], ageing[each.isin]) for each in securities]


def _grouped(statement: str, params: dict[str, Any]) -> Grouped:
    found: Grouped = defaultdict(list)
    for isin, *figures in fetch_all(statement, params):
        found[isin].append(tuple(figures))
    return found


def _row(security: SecurityView, by_status: list[tuple[Any, ...]], ageing: list[tuple[Any, ...]]) -> Row:
    units, cash = security.quantity_decimals, security.terms.cash_decimals
    settled = [entry for entry in by_status if entry[0] == "SETT"]
    count, value = (sum(int(entry[at]) for entry in by_status) for at in (2, 4))
    settled_count, settled_value = (sum(int(entry[at]) for entry in settled) for at in (2, 4))
    return {
        "isin": security.isin,
        "cash_asset": security.terms.cash_asset,
        "instructions": count,
        "cash_value": amount(value, cash),
        "settled": settled_count,
        "settled_cash_value": amount(settled_value, cash),
        "settlement_rate_by_count": ratio(settled_count, count),
        "settlement_rate_by_value": ratio(settled_value, value),
        "by_status": [
            {
                "status": status,
                "reason": reason or None,
                "instructions": number,
                "quantity": amount(quantity, units),
                "cash_value": amount(worth, cash),
            }
            for status, reason, number, quantity, worth in by_status
        ],
        "failing": [
            {"days": bucket, "instructions": number, "cash_value": amount(worth, cash), "oldest_days": oldest}
            for bucket, number, worth, oldest in ageing
        ],
    }
