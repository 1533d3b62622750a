"""Investor profiles and KYC decisions."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.audit.services.trail import log_audit_event
from apps.compliance.errors import InvalidExpiry, KycAlreadyDecided, UnknownInvestor
from apps.compliance.models import InvestorProfile, KycDecision
from apps.compliance.selectors.investors import profile
from apps.compliance.services.identities import advance_identities
from apps.compliance.types import KycDecisionDraft, KycStatus, ProfileView
from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import unit_of_work, within_unit_of_work


@within_unit_of_work
def ensure_profile(*, party_id: UUID, now: datetime) -> None:
    """Give a party an investor profile, pending, if it has none."""
    InvestorProfile.objects.bulk_create([InvestorProfile(party_id=party_id, created_at=now)], ignore_conflicts=True)


def update_profile(
    *,
    actor: Actor,
    tax_residence: str | None = None,
    accreditation_claimed: bool | None = None,
) -> ProfileView:
    """Record what the investor declares of itself; it decides nothing. Raises UnknownInvestor."""
    with unit_of_work():
        row = _locked(actor.require_party())
        before = {"tax_residence": row.tax_residence, "accreditation_claimed": row.accreditation_claimed}
        if tax_residence is not None:
            row.tax_residence = tax_residence
        if accreditation_claimed is not None:
            row.accreditation_claimed = accreditation_claimed
        row.save(update_fields=["tax_residence", "accreditation_claimed"])
        after = {"tax_residence": row.tax_residence, "accreditation_claimed": row.accreditation_claimed}
        log_audit_event(
            actor=actor,
            action="compliance.profile_updated",
            resource_type="investor",
            resource_id=row.party_id,
            before=before,
            after=after,
        )
    return profile(row.party_id)


def decide_kyc(*, actor: Actor, party_id: UUID, draft: KycDecisionDraft, now: datetime) -> ProfileView:
    """Record an officer's decision, and on approval start the on-chain identity of each proved wallet.

    An approval expires within `kyc.longest_validity_days`, after `kyc.validity_days` if no date is given. Raises
    UnknownInvestor, InvalidExpiry, KycAlreadyDecided (the same status again, unless a renewal), RoleRequired.
    """
    actor.require_role("COMPLIANCE")
    with unit_of_work():
        row = _locked(party_id)
        before = {"kyc_status": row.kyc_status, "accredited": row.accredited}
        approved = draft.status == KycStatus.APPROVED
        if row.kyc_status == draft.status and not approved:
            raise KycAlreadyDecided(kyc_status=row.kyc_status)
        row.kyc_status, row.kyc_decided_at = draft.status, now
        row.kyc_expires_at = _expiry(draft.expires_at, now) if approved else None
        row.accredited = draft.accredited and approved
        row.save()
        _write_decision(actor, row, draft, now)
        log_audit_event(
            actor=actor,
            action="compliance.kyc_decided",
            resource_type="investor",
            resource_id=party_id,
            before=before,
            after={"kyc_status": str(draft.status), "accredited": row.accredited},
        )
        if approved:
            outbox.publish(topic="compliance.kyc_approved", key=str(party_id), payload={"party_id": str(party_id)})
            advance_identities(party_id=party_id, now=now)
    return profile(party_id)


def _expiry(asked: datetime | None, now: datetime) -> datetime:
    kyc = settings.SECURITY.kyc
    expires_at = asked or now + timedelta(days=kyc.validity_days)
    if not now < expires_at <= now + timedelta(days=kyc.longest_validity_days):
        raise InvalidExpiry(f"The expiry must lie in the future, within {kyc.longest_validity_days} days.")
    return expires_at


def _locked(party_id: UUID) -> InvestorProfile:
    row = InvestorProfile.objects.select_for_update(of=("self",), no_key=True).filter(party_id=party_id).first()
    if row is None:
        raise UnknownInvestor
    return row


def _write_decision(actor: Actor, row: InvestorProfile, draft: KycDecisionDraft, now: datetime) -> None:
    KycDecision.objects.create(
        party_id=row.party_id,
        status=draft.status,
        accredited=row.accredited,
        reason=draft.reason,
        decided_by_id=actor.require_user(),
        decided_at=now,
        expires_at=row.kyc_expires_at,
    )
