"""A report: rows aggregated in one snapshot, and what makes them citable."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from apps.accounts.types import STAFF_ROLES, Role
from apps.core.actor import Actor
from apps.core.db import snapshot
from apps.ledger.selectors.balances import sequence
from apps.reports.selectors import issuance, reconciliation, settlement, trading
from apps.reports.types import Report, ReportQuery, Row
from apps.securities.errors import UnknownSecurity
from apps.securities.selectors.securities import securities, security
from apps.securities.types import SecurityView
from apps.settlement.selectors.movements import projection_cursor


class ReportName(StrEnum):
    """The reports there are."""

    TRADING = "trading"
    SETTLEMENT = "settlement"
    ISSUANCE = "issuance"
    RECONCILIATION = "reconciliation"


Rows = Callable[[list[SecurityView], ReportQuery, datetime], list[Row]]
ROWS: dict[ReportName, Rows] = {
    ReportName.TRADING: lambda found, query, _: trading.rows(found, query),
    ReportName.SETTLEMENT: lambda found, query, as_of: settlement.rows(found, query, as_of.date()),
    ReportName.ISSUANCE: lambda found, query, _: issuance.rows(found, query),
    ReportName.RECONCILIATION: reconciliation.rows,
}


def build_report(*, name: ReportName, actor: Actor, query: ReportQuery, now: datetime) -> Report:
    """The report as of now: staff see every security, an issuer its own.

    The same books and the same query on the same day give the same bytes, and so the same sha256. Raises
    RoleRequired, and UnknownSecurity also for another issuer's.
    """
    actor.require_role(*STAFF_ROLES, Role.ISSUER.value)
    with snapshot():
        cursor = projection_cursor()
        rows = ROWS[name](_visible(actor, query.isin), query, now)
        return Report(
            name=name,
            as_of=now,
            ledger_sequence=sequence(),
            block_number=cursor.number if cursor else None,
            block_hash=cursor.hash if cursor else None,
            query=query,
            rows=rows,
            row_count=len(rows),
            sha256=hashlib.sha256(canonical(rows)).hexdigest(),
        )


def canonical(rows: list[Row]) -> bytes:
    """The rows as JSON with sorted keys and no spaces, in UTF-8."""
    return json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _visible(actor: Actor, isin: str | None) -> list[SecurityView]:
    """Securities the actor may see, by ISIN."""
    owner = None if actor.roles & STAFF_ROLES else actor.require_party()
    if isin is None:
        return securities(issuer_party_id=owner)
    found = security(isin)
    if owner is not None and found.issuer_party_id != owner:
        raise UnknownSecurity
    return [found]
