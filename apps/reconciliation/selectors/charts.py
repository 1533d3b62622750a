"""Open breaks by kind and age, and runs by day, counted for the pages of officers."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from apps.core.db import fetch_all
from apps.core.metrics import COUNTED_TO
from apps.reconciliation.types import SEVERITIES, BreakKind, RunStatus

SPANS = {"0 to 7 days": 7, "8 to 30 days": 30, "over 30 days": None}
RUN_DAYS = 14
# Counted up to a limit, as everything is that a page counts.
OPEN = """
SELECT kind, CASE WHEN age <= 7 THEN 0 WHEN age <= 30 THEN 1 ELSE 2 END, count(*)
FROM (
    SELECT kind, %(today)s::date - (first_seen_at AT TIME ZONE 'UTC')::date AS age
    FROM reconciliation_break WHERE state IN ('OPEN', 'PROPOSED') LIMIT %(limit)s
) open GROUP BY 1, 2
"""
RUNS = """
SELECT (started_at AT TIME ZONE 'UTC')::date, status, count(*)
FROM reconciliation_run WHERE started_at >= %(since)s GROUP BY 1, 2
"""
Series = Mapping[str, list[int]]


def open_breaks(now: datetime) -> dict[tuple[str, str], int]:
    """How many breaks are open, by kind and span of age."""
    names = list(SPANS)
    rows = fetch_all(OPEN, {"today": now.date(), "limit": COUNTED_TO})
    return {(kind, names[span]): number for kind, span, number in rows}


def by_kind(found: Mapping[tuple[str, str], int]) -> tuple[list[str], Series]:
    """Kinds that have any, most first, and for each span of age their numbers."""
    totals = Counter[str]()
    for (kind, _), number in found.items():
        totals[kind] += number
    kinds = [kind for kind, _ in totals.most_common()]
    return kinds, {span: [found.get((kind, span), 0) for kind in kinds] for span in SPANS}


def by_age(found: Mapping[tuple[str, str], int]) -> tuple[list[str], Series]:
    """Spans of age, and for each severity that occurs their numbers."""
    series: dict[str, list[int]] = {}
    for (kind, span), number in sorted(found.items()):
        numbers = series.setdefault(SEVERITIES[BreakKind(kind)].value, [0] * len(SPANS))
        numbers[list(SPANS).index(span)] += number
    return list(SPANS), series


def runs_by_day(now: datetime) -> tuple[list[str], Series]:
    """The last fourteen days, today last, and for each status the runs begun on them."""
    days = [now.date() - timedelta(days=back) for back in reversed(range(RUN_DAYS))]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=RUN_DAYS - 1)
    found: dict[tuple[date, str], int] = {(day, status): n for day, status, n in fetch_all(RUNS, {"since": since})}
    series = {status: [found.get((day, status), 0) for day in days] for status in RunStatus.values}
    return [day.strftime("%d %b") for day in days], series
