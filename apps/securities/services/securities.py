"""Creating and activating securities."""

from datetime import datetime
from typing import Any
from uuid import UUID

from stdnum import cfi, isin
from stdnum.exceptions import ValidationError as NumberError

from apps.accounts.types import Role
from apps.audit.services.trail import audit_log, log_audit_event
from apps.core.actor import Actor, system_actor
from apps.core.db import within_unit_of_work
from apps.securities.errors import InvalidCfi, InvalidIsin, SecurityNotDraft, UnknownSecurity
from apps.securities.models import Issuer, Security, TradingTerms
from apps.securities.selectors.securities import security_view
from apps.securities.services.cash_assets import cash_decimals
from apps.securities.types import SecurityDraft, SecurityStatus, SecurityView


def _facts(view: SecurityView) -> dict[str, Any]:
    """What the trail keeps of a new security."""
    return {
        "issuer_party_id": view.issuer_party_id,
        "cfi": view.cfi,
        "exemption": view.exemption,
        "quantity_decimals": view.quantity_decimals,
        "authorized_quantity": str(view.authorized_quantity),
        "cash_asset": view.terms.cash_asset,
        "tick": str(view.terms.tick),
        "lot": str(view.terms.lot),
        "min_quantity": str(view.terms.min_quantity),
        "max_quantity": str(view.terms.max_quantity),
        "days_to_settle": view.terms.days_to_settle,
    }


@audit_log("securities.security_created", "security", resource_id="isin", after=_facts)
def create_security(*, actor: Actor, draft: SecurityDraft, now: datetime) -> SecurityView:
    """A DRAFT security of the actor's own party, with its trading terms.

    Raises RoleRequired unless the actor is an ISSUER; InvalidIsin (ISO 6166 check digit), InvalidCfi (ISO 10962),
    UnknownCashAsset; from the constraints DuplicateIsin, TermsNotPositive, TermsOutOfOrder, TermsNotInLots and
    TickTimesLotNotWhole.
    """
    actor.require_role(Role.ISSUER)
    _require_codes(draft)
    security = Security.objects.create(
        isin=draft.isin,
        issuer=_issuer(actor.require_party(), now),
        name=draft.name,
        cfi=draft.cfi,
        exemption=draft.exemption,
        quantity_decimals=draft.quantity_decimals,
        authorized_quantity=draft.authorized_quantity,
        created_at=now,
    )
    _set_terms(security, draft)
    return security_view(security)


@within_unit_of_work
def activate_security(*, isin: str, now: datetime) -> SecurityView:
    """The security, ACTIVE: its token is live. Repeating it changes nothing.

    Raises UnknownSecurity, and SecurityNotDraft for a halted one.
    """
    found = Security.objects.select_related("terms").select_for_update(of=("self",), no_key=True)
    security = found.filter(pk=isin).first()
    if security is None:
        raise UnknownSecurity
    if security.status == SecurityStatus.HALTED:
        raise SecurityNotDraft
    if security.status == SecurityStatus.DRAFT:
        security.status, security.activated_at = SecurityStatus.ACTIVE, now
        security.save(update_fields=["status", "activated_at"])
        log_audit_event(
            actor=system_actor(),
            action="securities.security_activated",
            resource_type="security",
            resource_id=isin,
            before={"status": SecurityStatus.DRAFT},
            after={"status": SecurityStatus.ACTIVE},
        )
    return security_view(security)


def _require_codes(draft: SecurityDraft) -> None:
    for validate, code, refusal in ((isin.validate, draft.isin, InvalidIsin), (cfi.validate, draft.cfi, InvalidCfi)):
        try:
            compact = validate(code)
        except NumberError as error:
            raise refusal from error
        if compact != code:
            raise refusal


def _issuer(party_id: UUID, now: datetime) -> Issuer:
    return Issuer.objects.get_or_create(party_id=party_id, defaults={"created_at": now})[0]


def _set_terms(security: Security, draft: SecurityDraft) -> None:
    terms = draft.terms
    TradingTerms.objects.create(
        security=security,
        cash_asset=terms.cash_asset,
        cash_decimals=cash_decimals(terms.cash_asset),
        quantity_decimals=security.quantity_decimals,
        tick=terms.tick,
        lot=terms.lot,
        min_quantity=terms.min_quantity,
        max_quantity=terms.max_quantity,
        days_to_settle=terms.days_to_settle,
    )
