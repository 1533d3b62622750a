"""The maker's half: ask for new securities."""

import hashlib
import json
from datetime import datetime
from uuid import UUID

from apps.accounts.selectors.parties import party_exists
from apps.audit.services.trail import log_audit_event
from apps.compliance.selectors.wallets import party_of_wallet
from apps.compliance.services.eligibility import require_eligible
from apps.compliance.types import Action
from apps.core.actor import Actor
from apps.core.db import constraint_error, unit_of_work
from apps.core.errors import InvalidValue
from apps.core.money import parse_base_units
from apps.issuance.errors import HolderUnclear, RequestIdReused, UnknownHolder
from apps.issuance.models import IssuanceRequest
from apps.issuance.selectors.issuances import view_of
from apps.issuance.services.control import lock_control, reserve
from apps.issuance.types import IssuanceDraft, IssuanceView
from apps.securities.errors import UnknownSecurity
from apps.securities.selectors.securities import security as find_security
from apps.securities.types import SecurityView

constraint_error("issuance_request_once", RequestIdReused)


def request_issuance(*, actor: Actor, draft: IssuanceDraft, now: datetime) -> IssuanceView:
    """Ask for new securities; a second person of the issuer decides.

    The quantity is reserved against the authorized amount at once. Repeating a `client_request_id` with the same
    content returns the issuance as it stands; with other content raises RequestIdReused. Raises UnknownSecurity
    (also for another issuer's), InvalidValue, HolderUnclear, UnknownHolder, AuthorizedExceeded, and
    TransferRestricted, whose decision is recorded while nothing else changes.
    """
    security = own_security(actor, draft.isin)
    quantity = _quantity(draft, security)
    fingerprint = _fingerprint(draft, quantity)
    with unit_of_work():
        control = lock_control(security=security)
        if repeated := _repeated(actor, draft, fingerprint):
            return view_of(repeated)
        party_id, wallet = _eligible_holder(draft, now)
        reserve(control=control, quantity=quantity)
        request = IssuanceRequest.objects.create(
            issuer_party_id=actor.require_party(),
            client_request_id=draft.client_request_id,
            fingerprint=fingerprint,
            isin=draft.isin,
            party_id=party_id,
            wallet_address=wallet,
            quantity=quantity,
            quantity_decimals=security.quantity_decimals,
            requested_by_id=actor.require_user(),
            created_at=now,
        )
        log_audit_event(
            actor=actor,
            action="issuance.requested",
            resource_type="issuance",
            resource_id=request.pk,
            after={"isin": draft.isin, "quantity": str(quantity), "party_id": str(party_id)},
        )
    return view_of(request)


def own_security(actor: Actor, isin: str) -> SecurityView:
    """The security, if the actor's party issues it. Raises UnknownSecurity otherwise."""
    security = find_security(isin)
    if security.issuer_party_id != actor.party_id:
        raise UnknownSecurity
    return security


def _quantity(draft: IssuanceDraft, security: SecurityView) -> int:
    quantity = parse_base_units(draft.quantity, security.quantity_decimals)
    if quantity <= 0:
        raise InvalidValue("The quantity must be above zero.")
    return quantity


def _fingerprint(draft: IssuanceDraft, quantity: int) -> str:
    wallet = draft.wallet_address.lower() if draft.wallet_address else None
    content = [draft.isin, str(quantity), str(draft.party_id) if draft.party_id else None, wallet]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _repeated(actor: Actor, draft: IssuanceDraft, fingerprint: str) -> IssuanceRequest | None:
    used = IssuanceRequest.objects.filter(
        issuer_party_id=actor.require_party(), client_request_id=draft.client_request_id
    )
    if (found := used.first()) is None:
        return None
    if found.fingerprint != fingerprint:
        raise RequestIdReused
    return found


def _eligible_holder(draft: IssuanceDraft, now: datetime) -> tuple[UUID, str]:
    """The holder: of a party its trading wallet, of a wallet its owner. Raises TransferRestricted."""
    party_id = draft.party_id
    if (party_id is None) == (draft.wallet_address is None):
        raise HolderUnclear
    if draft.wallet_address is not None:
        party_id = party_of_wallet(draft.wallet_address)
    if party_id is None or not party_exists(party_id):
        raise UnknownHolder
    decision = require_eligible(
        party_id=party_id,
        isin=draft.isin,
        action=Action.ISSUANCE,
        wallet_address=draft.wallet_address.lower() if draft.wallet_address else None,
        now=now,
    )
    if decision.wallet_address is None:
        raise UnknownHolder
    return party_id, decision.wallet_address
