"""Reading securities."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.core.db import Columns, fetch_all
from apps.securities.errors import UnknownSecurity
from apps.securities.models import Security, TradingTerms
from apps.securities.types import SecurityView, TermsView

SECURITY, TERMS = Columns(Security, "s"), Columns(TradingTerms, "t")
# Asked several times for every order.
WITH_TERMS = f"""
SELECT {SECURITY}, {TERMS} FROM securities_security s JOIN securities_tradingterms t ON t.security_id = s.isin
WHERE s.isin = ANY(%s) ORDER BY s.isin
"""  # noqa: S608 (our own columns)


def security(isin: str) -> SecurityView:
    """The security with its terms. Raises UnknownSecurity."""
    for view in securities_named({isin}):
        return view
    raise UnknownSecurity


def securities_named(isins: Iterable[str]) -> list[SecurityView]:
    """Those securities that there are, by ISIN, in one query."""
    rows = fetch_all(WITH_TERMS, [sorted(set(isins))])
    return [_view(SECURITY.read(row), TERMS.read(row, len(SECURITY))) for row in rows]


def securities(issuer_party_id: UUID | None = None) -> list[SecurityView]:
    """All securities by ISIN, or an issuer's, in one query."""
    rows = security_rows().order_by("isin")
    if issuer_party_id is not None:
        rows = rows.filter(issuer_id=issuer_party_id)
    return [security_view(row) for row in rows]


def security_rows() -> QuerySet[Security]:
    """Rows for this room's own pages."""
    return Security.objects.select_related("terms")


def security_view(row: Security) -> SecurityView:
    """The row as other rooms see it."""
    return _view(row, row.terms)


def _view(row: Security, terms: TradingTerms) -> SecurityView:
    return SecurityView(
        isin=row.isin,
        issuer_party_id=row.issuer_id,
        name=row.name,
        cfi=row.cfi,
        exemption=row.exemption,
        quantity_decimals=row.quantity_decimals,
        authorized_quantity=row.authorized_quantity,
        status=row.status,
        created_at=row.created_at,
        terms=_terms_view(terms),
    )


def _terms_view(terms: TradingTerms) -> TermsView:
    return TermsView(
        cash_asset=terms.cash_asset,
        cash_decimals=terms.cash_decimals,
        tick=terms.tick,
        lot=terms.lot,
        min_quantity=terms.min_quantity,
        max_quantity=terms.max_quantity,
        days_to_settle=terms.days_to_settle,
    )
