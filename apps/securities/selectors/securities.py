"""Reading securities."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.securities.errors import UnknownSecurity
from apps.securities.models import Security, TradingTerms
from apps.securities.types import SecurityView, TermsView


def security(isin: str) -> SecurityView:
    """The security with its terms. Raises UnknownSecurity."""
    found = security_rows().filter(pk=isin).first()
    if found is None:
        raise UnknownSecurity
    return security_view(found)


def securities(isins: Iterable[str] | None = None, issuer_party_id: UUID | None = None) -> list[SecurityView]:
    """Securities by ISIN, in one query; all of them, those named, or those of an issuer."""
    rows = security_rows().order_by("isin")
    if isins is not None:
        rows = rows.filter(pk__in=set(isins))
    if issuer_party_id is not None:
        rows = rows.filter(issuer_id=issuer_party_id)
    return [security_view(row) for row in rows]


def security_rows() -> QuerySet[Security]:
    """Rows for this room's own pages."""
    return Security.objects.select_related("terms")


def security_view(row: Security) -> SecurityView:
    """The row as other rooms see it."""
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
        terms=_terms_view(row.terms),
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
