"""Reading issuances."""

from uuid import UUID

from django.db.models import QuerySet

from apps.core.actor import Actor
from apps.issuance.errors import UnknownIssuance
from apps.issuance.models import IssuanceControl, IssuanceRequest
from apps.issuance.types import IssuanceStatus, IssuanceView, IssuedTotals

STAFF = ("OPS", "COMPLIANCE")


def issuances_for(actor: Actor) -> QuerySet[IssuanceRequest]:
    """What the actor may see, for a page: staff everything, an issuer what it issues, an investor what it gets."""
    rows = IssuanceRequest.objects.all()
    if "ISSUER" in actor.roles:
        rows = rows.filter(issuer_party_id=actor.require_party())
    elif not actor.roles.intersection(STAFF):
        rows = rows.filter(party_id=actor.require_party())
    return rows


def issuance_for(actor: Actor, issuance_id: UUID) -> IssuanceView:
    """One issuance. Raises UnknownIssuance, also for one that is not the actor's to see."""
    request = issuances_for(actor).filter(pk=issuance_id).first()
    if request is None:
        raise UnknownIssuance
    return view_of(request)


def issuances(isin: str | None = None) -> list[IssuanceView]:
    """All issuances, newest first, or those of one security: for reports."""
    rows = IssuanceRequest.objects.order_by("-id")
    return [view_of(row) for row in (rows.filter(isin=isin) if isin else rows)]


def submitted(isin: str) -> list[IssuanceView]:
    """Issuances of a security whose mint is on its way, or final and not counted yet."""
    return [view_of(row) for row in IssuanceRequest.objects.filter(isin=isin, status=IssuanceStatus.SUBMITTED)]


def issued_totals(isin: str) -> IssuedTotals | None:
    """The control total of a security, None before its first request."""
    row = IssuanceControl.objects.filter(pk=isin).first()
    return IssuedTotals(row.isin, row.authorized, row.issued, row.reserved) if row else None


def view_of(request: IssuanceRequest) -> IssuanceView:
    """The request as others see it."""
    return IssuanceView(
        id=request.pk,
        client_request_id=request.client_request_id,
        issuer_party_id=request.issuer_party_id,
        isin=request.isin,
        party_id=request.party_id,
        wallet_address=request.wallet_address,
        quantity=request.quantity,
        quantity_decimals=request.quantity_decimals,
        status=request.status,
        requested_by=request.requested_by_id,
        approved_by=request.approved_by_id,
        rejected_by=request.rejected_by_id,
        intent_id=request.intent_id,
        tx_hash=request.tx_hash,
        failure_reason=request.failure_reason,
        created_at=request.created_at,
        decided_at=request.decided_at,
        ended_at=request.ended_at,
    )
