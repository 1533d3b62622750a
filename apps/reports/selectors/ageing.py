"""Aged differences per security, and whether they are worth more than SEC rule 17Ad-11 lets pass unreported.

What is unknown (a price, units) is said, and never counted as zero.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from django.conf import settings

from apps.core.db import fetch_all
from apps.core.money import format_base_units
from apps.reports.ageing import Period, is_debt, last_period, threshold
from apps.reports.selectors.figures import amount, instant
from apps.reports.types import Row
from apps.securities.types import SecurityView

OPEN = """
SELECT isin, count(*), max(age), count(*) FILTER (WHERE age > %(aged_after)s),
       count(*) FILTER (WHERE age <= 7), count(*) FILTER (WHERE age BETWEEN 8 AND 30), count(*) FILTER (WHERE age > 30)
FROM (
    SELECT isin, %(today)s::date - (first_seen_at AT TIME ZONE 'UTC')::date AS age FROM reconciliation_break
    WHERE isin = ANY(%(isins)s) AND state IN ('OPEN', 'PROPOSED')
) open GROUP BY isin
"""
# Of states no units differ. A cash difference is no difference of the securityholder file. The units are those of the
# entry that would mend it, of the two sides, or of the one side that is known.
AGED = """
SELECT isin, count(*), count(*) FILTER (WHERE units IS NULL), coalesce(sum(units), 0)
FROM (
    SELECT b.isin, CASE
        WHEN b.kind IN ('FROZEN_STATE', 'IDENTITY_STATE', 'PAUSE_STATE', 'STALE_INTENT', 'CASH_LEG') THEN 0
        WHEN s.asset IS DISTINCT FROM b.isin AND s.asset IS NOT NULL THEN 0
        WHEN s.remedy ->> 'amount' IS NOT NULL THEN (s.remedy ->> 'amount')::numeric
        ELSE coalesce(abs(s.chain_amount - s.books_amount), s.chain_amount, s.books_amount, s.events_amount)
    END AS units
    FROM reconciliation_break b
    LEFT JOIN LATERAL (
        SELECT asset, remedy, chain_amount, books_amount, events_amount FROM reconciliation_breakevent e
        WHERE e.found_id = b.id AND e.change IN ('RAISED', 'SEEN', 'REOPENED') ORDER BY e.id DESC LIMIT 1
    ) s ON true
    WHERE b.isin = ANY(%(isins)s)
      AND %(month_end)s::date - (b.first_seen_at AT TIME ZONE 'UTC')::date > %(aged_after)s
      AND (b.state IN ('OPEN', 'PROPOSED') OR coalesce(b.cleared_at, b.resolved_at) >= %(ended)s)
) aged GROUP BY isin
"""
PRICES = """
SELECT asked.isin, t.price, t.cash_asset, a.decimals, t.executed_at, c.issued
FROM unnest(%(isins)s::text[]) AS asked (isin)
LEFT JOIN LATERAL (
    SELECT price, cash_asset, executed_at FROM dex_trade
    WHERE isin = asked.isin AND executed_at < %(ended)s ORDER BY executed_at DESC, id DESC LIMIT 1
) t ON true
LEFT JOIN ledger_asset a ON a.code = t.cash_asset
LEFT JOIN issuance_issuancecontrol c ON c.isin = asked.isin
"""
SPANS = ("0-7", "8-30", "over 30")


@dataclass(frozen=True, slots=True)
class Market:
    """What a security was worth: its last price in cash base units a whole unit, and its issued base units."""

    price: int | None
    cash_asset: str | None
    cash_decimals: int | None
    executed_at: datetime | None
    issued: int | None


@dataclass(frozen=True, slots=True)
class Aged:
    """Differences aged at a month's end; `units` of those `without` whose units are known, in base units."""

    number: int = 0
    without: int = 0
    units: int = 0


def rows(securities: list[SecurityView], as_of: datetime) -> dict[str, Row]:
    """Ages as of now, and what was aged at the end of the last whole month, by ISIN."""
    policy = settings.SECURITY.reconciliation.ageing
    period = last_period(as_of.date(), policy.due_business_days)
    params = {
        "isins": [each.isin for each in securities],
        "today": as_of.date(),
        "aged_after": policy.aged_after_days,
        "month_end": period.month_end,
        "ended": datetime.combine(period.month_end + timedelta(days=1), time(), UTC),
    }
    now = {isin: figures for isin, *figures in fetch_all(OPEN, params)}
    aged = {isin: Aged(*map(int, figures)) for isin, *figures in fetch_all(AGED, params)}
    markets = {isin: Market(*figures) for isin, *figures in fetch_all(PRICES, params)}
    return {
        each.isin: _ages(now.get(each.isin)) | _reported(each, period, aged.get(each.isin, Aged()), markets[each.isin])
        for each in securities
    }


def _ages(figures: list[Any] | None) -> Row:
    number, oldest, aged, *spans = figures or [0, None, 0, 0, 0, 0]
    by_age = [{"days": days, "breaks": breaks} for days, breaks in zip(SPANS, spans, strict=True)]
    return {"open": number, "aged": aged, "oldest_days": oldest, "by_age": by_age}


def _reported(security: SecurityView, period: Period, aged: Aged, market: Market) -> Row:
    decimals = security.quantity_decimals
    value, capitalization = (_worth(units, market, decimals) for units in (aged.units, market.issued))
    unknown = _unknown(aged, market)
    limit = _threshold(security, market, capitalization)
    return {
        "month_end": period.month_end.isoformat(),
        "due_date": period.due.isoformat(),
        "aged_at_month_end": aged.number,
        "aged_quantity": amount(aged.units, decimals),
        "without_quantity": aged.without,
        "price": _cash(market.price, market),
        "priced_at": instant(market.executed_at) if market.executed_at else None,
        "cash_asset": market.cash_asset,
        "aged_value": _cash(value, market),
        "capitalization": _cash(capitalization, market),
        "instrument": "DEBT" if is_debt(security.cfi) else "EQUITY",
        "threshold_usd": limit,
        "exceeds_threshold": _exceeds(aged, _dollars(value, market), limit),
        "unknown": unknown,
    }


def _worth(units: int | None, market: Market, decimals: int) -> Fraction | None:
    """Cash base units that so many base units of the security are worth."""
    if units is None or market.price is None:
        return None
    return Fraction(int(units) * int(market.price), 10**decimals)


def _unknown(aged: Aged, market: Market) -> list[str]:
    missing = {
        "PRICE": market.price is None,
        "CURRENCY": market.price is not None and not _in_dollars(market),
        "ISSUED": market.issued is None,
        "UNITS": aged.without > 0,
    }
    return [name for name, is_so in missing.items() if is_so]


def _threshold(security: SecurityView, market: Market, capitalization: Fraction | None) -> int | None:
    dollars = _dollars(capitalization, market)
    if dollars is None:
        return None
    policy = settings.SECURITY.reconciliation.ageing
    return threshold(dollars, debt=is_debt(security.cfi), tiers=policy.tiers, above=policy.above)


def _exceeds(aged: Aged, value: Fraction | None, limit: int | None) -> bool | None:
    """Nothing that differs is worth nothing at any price; units that are not known can only add to the rest."""
    if not aged.units and not aged.without:
        return False
    if value is None or limit is None:
        return None
    return True if value > limit else (None if aged.without else False)


def _in_dollars(market: Market) -> bool:
    return market.cash_asset in settings.SECURITY.reconciliation.ageing.dollar_assets


def _dollars(cash: Fraction | None, market: Market) -> Fraction | None:
    if cash is None or market.cash_decimals is None or not _in_dollars(market):
        return None
    return cash / 10**market.cash_decimals


def _cash(base_units: Fraction | int | None, market: Market) -> str | None:
    """A decimal string of the cash asset the price is in, to its last decimal."""
    if base_units is None or market.cash_decimals is None:
        return None
    return format_base_units(round(base_units), market.cash_decimals)
