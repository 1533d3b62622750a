"""Reconciliation per security: the period's runs, breaks by kind and age, and where books and chain last met."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.core.db import fetch_all
from apps.reconciliation.types import UNSETTLED
from apps.reports.selectors import ageing
from apps.reports.selectors.figures import instant
from apps.reports.types import ReportQuery, Row
from apps.securities.types import SecurityView

RUNS = """
SELECT isin, status, count(*) FROM reconciliation_run
WHERE isin = ANY(%(isins)s)
  AND (%(starts_at)s::timestamptz IS NULL OR started_at >= %(starts_at)s)
  AND (%(ends_before)s::timestamptz IS NULL OR started_at < %(ends_before)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
GROUP BY isin, status ORDER BY isin, status
"""
LAST = """
SELECT DISTINCT ON (r.isin) r.isin, r.id, r.status, r.finished_at, c.block_number, c.block_hash, c.ledger_sequence
FROM reconciliation_run r LEFT JOIN reconciliation_cutoff c ON c.id = r.cut_off_id
WHERE r.isin = ANY(%(isins)s)
  AND (%(starts_at)s::timestamptz IS NULL OR r.started_at >= %(starts_at)s)
  AND (%(ends_before)s::timestamptz IS NULL OR r.started_at < %(ends_before)s)
  AND (%(status)s::text IS NULL OR r.status = %(status)s)
ORDER BY r.isin, r.id DESC
"""
# Aged differences are those open for longer than the policy allows (SEC rule 17Ad-11: 30 calendar days).
BREAKS = """
SELECT isin, kind, state, count(*), min(first_seen_at), max(age), count(*) FILTER (WHERE age > %(aged_after)s)
FROM (
    SELECT isin, kind, state, first_seen_at,
           CASE WHEN state IN ('OPEN', 'PROPOSED') THEN (%(as_of)s AT TIME ZONE 'UTC')::date
                                         - (first_seen_at AT TIME ZONE 'UTC')::date END AS age
    FROM reconciliation_break
    WHERE isin = ANY(%(isins)s)
      AND (%(starts_at)s::timestamptz IS NULL OR last_seen_at >= %(starts_at)s)
      AND (%(ends_before)s::timestamptz IS NULL OR first_seen_at < %(ends_before)s)
) aged GROUP BY isin, kind, state ORDER BY isin, kind, state
"""


def rows(securities: list[SecurityView], query: ReportQuery, as_of: datetime) -> list[Row]:
    """One row a security. Status chooses runs; breaks are those seen within the period, open ones with their age."""
    params = query.params | {
        "isins": [each.isin for each in securities],
        "as_of": as_of,
        "aged_after": settings.SECURITY.reconciliation.ageing.aged_after_days,
    }
    last = {isin: figures for isin, *figures in fetch_all(LAST, params)}
    runs, breaks = _grouped(RUNS, params), _grouped(BREAKS, params)
    aged = ageing.rows(securities, as_of)
    return [
        _row(each.isin, runs[each.isin], breaks[each.isin], last.get(each.isin)) | {"ageing": aged[each.isin]}
        for each in securities
    ]


def _grouped(statement: str, params: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for isin, *figures in fetch_all(statement, params):
        found[isin].append(figures)
    return found


def _row(isin: str, runs: list[Any], breaks: list[Any], last: list[Any] | None) -> Row:
    return {
        "isin": isin,
        "runs": sum(number for _, number in runs),
        "runs_by_status": [{"status": status, "runs": number} for status, number in runs],
        "breaks_open": sum(entry[2] for entry in breaks if entry[1] in UNSETTLED),
        "breaks": [
            {
                "kind": kind,
                "state": state,
                "breaks": number,
                "first_seen_at": instant(first),
                "oldest_days": age,
                "aged": aged,
            }
            for kind, state, number, first, age, aged in breaks
        ],
        "last_run": _last(last) if last else None,
    }


def _last(figures: list[Any]) -> Row:
    run_id, status, finished_at, number, block_hash, sequence = figures
    return {
        "id": str(run_id),
        "status": status,
        "finished_at": instant(finished_at),
        "block_number": number,
        "block_hash": block_hash,
        "ledger_sequence": sequence,
    }
