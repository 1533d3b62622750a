"""The checker's half: a second person approves, which mints, or rejects."""

from datetime import datetime
from uuid import UUID

from apps.audit.services.trail import log_audit_event
from apps.chain.selectors.tokens import binding
from apps.chain.services.calldata import mint, minted
from apps.chain.services.intents import submit
from apps.chain.services.tokens import hold_token
from apps.chain.types import BindingState, SignerRole
from apps.compliance.services.eligibility import require_eligible
from apps.compliance.types import Action
from apps.core.actor import Actor
from apps.core.db import constraint_error, unit_of_work
from apps.core.errors import SamePerson
from apps.issuance.errors import IssuanceDecided, TokenNotLive, UnknownIssuance
from apps.issuance.models import IssuanceRequest
from apps.issuance.selectors.issuances import view_of
from apps.issuance.services.control import give_back
from apps.issuance.types import MINT, IssuanceStatus, IssuanceView
from apps.settlement.services.movements import expect_mint

constraint_error("issuance_two_people", SamePerson)


def ref_of(issuance_id: UUID) -> str:
    """What names an issuance to the chain and to settlement."""
    return f"issuance:{issuance_id}"


def approve_issuance(*, actor: Actor, issuance_id: UUID, now: datetime) -> IssuanceView:
    """Approve and mint: decision, mint intent, expected movement and audit row in one unit of work.

    The approver's repeated call returns the issuance as it stands. Raises UnknownIssuance (also for another
    issuer's), SamePerson (by the database) for the maker, IssuanceDecided, TransferRestricted.
    """
    with unit_of_work():
        request = _lock(actor, issuance_id)
        if request.status != IssuanceStatus.REQUESTED:
            if request.approved_by_id == actor.user_id:
                return view_of(request)
            raise IssuanceDecided(status=request.status)
        require_eligible(
            party_id=request.party_id,
            isin=request.isin,
            action=Action.ISSUANCE,
            wallet_address=request.wallet_address,
            now=now,
        )
        request.intent_id = _mint(request, actor.require_user(), now)
        request.status, request.approved_by_id, request.decided_at = IssuanceStatus.SUBMITTED, actor.require_user(), now
        request.save(update_fields=["status", "approved_by", "decided_at", "intent_id"])
        _audit(actor, "issuance.approved", request)
    return view_of(request)


def reject_issuance(*, actor: Actor, issuance_id: UUID, now: datetime) -> IssuanceView:
    """Reject, or as its maker withdraw, a request; its quantity is free again.

    Raises UnknownIssuance, IssuanceDecided.
    """
    with unit_of_work():
        request = _lock(actor, issuance_id)
        if request.status != IssuanceStatus.REQUESTED:
            if request.rejected_by_id == actor.user_id:
                return view_of(request)
            raise IssuanceDecided(status=request.status)
        request.status, request.rejected_by_id, request.decided_at = IssuanceStatus.REJECTED, actor.require_user(), now
        request.save(update_fields=["status", "rejected_by", "decided_at"])
        give_back(isin=request.isin, quantity=request.quantity)
        _audit(actor, "issuance.rejected", request)
    return view_of(request)


def _lock(actor: Actor, issuance_id: UUID) -> IssuanceRequest:
    own = IssuanceRequest.objects.filter(issuer_party_id=actor.party_id, pk=issuance_id)
    request = own.select_for_update(of=("self",), no_key=True).first()
    if request is None:
        raise UnknownIssuance
    return request


def _audit(actor: Actor, action: str, request: IssuanceRequest) -> None:
    log_audit_event(
        actor=actor,
        action=action,
        resource_type="issuance",
        resource_id=request.pk,
        before={"status": IssuanceStatus.REQUESTED.value},
        after={"status": str(request.status), "intent_id": str(request.intent_id) if request.intent_id else None},
    )


def _mint(request: IssuanceRequest, approver: UUID, now: datetime) -> UUID:
    """Write the mint intent and what the books may expect of it; the intent's id.

    The request's maker and checker are the intent's: no third person is asked, whatever the amount.
    """
    hold_token(isin=request.isin)
    token = binding(request.isin)
    if token.state != BindingState.LIVE:
        raise TokenNotLive
    intent = submit(
        signer=SignerRole.MINTER,
        to=token.address,
        data=mint(request.wallet_address, request.quantity),
        kind=MINT,
        business_key=ref_of(request.pk),
        expect=minted(token.address, request.wallet_address, request.quantity),
        units=request.quantity,
        party_id=request.issuer_party_id,
        drafted_by=request.requested_by_id,
        approved_by=approver,
        now=now,
    )
    expect_mint(
        ref=ref_of(request.pk),
        asset=request.isin,
        wallet_address=request.wallet_address,
        amount=request.quantity,
        intent_id=intent.id,
        now=now,
    )
    return intent.id
