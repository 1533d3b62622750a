"""Issuance per security: the control book and the holders as of now, and the period's requests."""

from collections import defaultdict
from typing import Any

from apps.core.db import fetch_all
from apps.reports.selectors.figures import amount, ratio
from apps.reports.types import ReportQuery, Row
from apps.securities.types import SecurityView

TOP = 10
CONTROL = "SELECT isin, issued, reserved FROM issuance_issuancecontrol WHERE isin = ANY(%(isins)s)"
HOLDERS = """
WITH held AS (
    SELECT a.asset, a.wallet_address, b.posted,
           row_number() OVER (PARTITION BY a.asset ORDER BY b.posted DESC, a.wallet_address) AS place,
           count(*) OVER (PARTITION BY a.asset) AS holders, sum(b.posted) OVER (PARTITION BY a.asset) AS outstanding
    FROM ledger_account a JOIN ledger_balance b ON b.account_id = a.id
    WHERE a.asset = ANY(%(isins)s) AND a.kind = 'POSITION' AND b.posted > 0
)
SELECT asset, wallet_address, posted, holders, outstanding FROM held WHERE place <= %(top)s ORDER BY asset, place
"""
REQUESTS = """
SELECT isin, status, count(*), sum(quantity) FROM issuance_issuancerequest
WHERE isin = ANY(%(isins)s)
  AND (%(starts_at)s::timestamptz IS NULL OR created_at >= %(starts_at)s)
  AND (%(ends_before)s::timestamptz IS NULL OR created_at < %(ends_before)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
GROUP BY isin, status ORDER BY isin, status
"""
PENDING = ("REQUESTED", "SUBMITTED")


def rows(securities: list[SecurityView], query: ReportQuery) -> list[Row]:
    """One row a security. Dates and status choose requests; control book and holders are as of the report."""
    params = query.params | {"isins": [each.isin for each in securities], "top": TOP}
    control = {isin: (issued, reserved) for isin, issued, reserved in fetch_all(CONTROL, params)}
    holders: dict[str, list[Any]] = defaultdict(list)
    requests: dict[str, list[Any]] = defaultdict(list)
    for isin, *holder in fetch_all(HOLDERS, params):
        holders[isin].append(holder)
    for isin, *request in fetch_all(REQUESTS, params):
        requests[isin].append(request)
    return [_row(each, control.get(each.isin, (0, 0)), holders[each.isin], requests[each.isin]) for each in securities]


def _row(security: SecurityView, control: tuple[Any, Any], holders: list[Any], requests: list[Any]) -> Row:
    units = security.quantity_decimals
    number, outstanding = (holders[0][2], holders[0][3]) if holders else (0, 0)
    pending = [request for request in requests if request[0] in PENDING]
    return {
        "isin": security.isin,
        "name": security.name,
        "authorized": amount(security.authorized_quantity, units),
        "issued": amount(control[0], units),
        "reserved": amount(control[1], units),
        "outstanding": amount(outstanding, units),
        "holders": number,
        "top_holders": [
            {"wallet_address": wallet, "quantity": amount(held, units), "share": ratio(held, outstanding)}
            for wallet, held, *_ in holders
        ],
        "requests": [
            {"status": status, "requests": count, "quantity": amount(quantity, units)}
            for status, count, quantity in requests
        ],
        "pending_requests": sum(request[1] for request in pending),
        "pending_quantity": amount(sum(int(request[2]) for request in pending), units),
    }
