"""Officers' pages of investors; the KYC decision is their one act."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from apps.accounts.selectors.parties import name_of
from apps.compliance.models import (
    EligibilityDecision,
    InvestorProfile,
    KycDecision,
    Wallet,
    WalletChallenge,
    WalletRegistration,
)
from apps.compliance.services.investors import decide_kyc
from apps.compliance.types import KycDecisionDraft, KycStatus
from apps.core import clock
from apps.core.officers import ReadOnlyAdmin, ReadOnlyInline, act, ask_and_act

APPROVAL = "Approves the investor's identity and starts its on-chain identity for each proved wallet."
REJECTION = "Rejects the investor's identity. The investor can place no order and receive no securities."
STALE = "Somebody has decided since this page was opened: look at the investor again."


class RejectionForm(forms.Form):
    """Why, and on which state of the profile the officer decides."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextareaWidget({"rows": 3}))
    decided_before = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, profile: InvestorProfile) -> None:
        self.present = profile.kyc_decided_at.isoformat() if profile.kyc_decided_at else ""
        super().__init__(data, initial={"decided_before": self.present})

    def clean_decided_before(self) -> str:
        """A page sent twice, or opened before another's decision, decides nothing."""
        given: str = self.cleaned_data["decided_before"]
        if given != self.present:
            self.add_error(None, STALE)
        return given


class ApprovalForm(RejectionForm):
    """An approval also classifies the investor and says until when it holds."""

    accredited = forms.BooleanField(required=False, label="Accredited investor", widget=UnfoldBooleanWidget())
    expires_on = forms.DateField(
        required=False,
        widget=UnfoldAdminDateWidget({"type": "date"}),
        help_text="Through the end of this day, UTC. Empty: one year from now.",
    )

    model = KycDecision
    table = ("decided_at", "status", "accredited", "reason", "decided_by", "expires_at")


class RegistrationsInline(ReadOnlyInline):
    """Tokens the wallet is registered with."""

    model = WalletRegistration
    table = ("isin", "status", "requested_at", "registered_at")


@admin.register(InvestorProfile)
class InvestorProfileAdmin(ReadOnlyAdmin):
    """Investors, with the two decisions of a compliance officer."""

    table = (
        "party",
        "kyc_status",
        "accredited",
        "accreditation_claimed",
        "tax_residence",
        "kyc_expires_at",
        "created_at",
    )
    list_filter = ("kyc_status", "accredited")
    search_fields = ("party_id",)
    search_help_text = "A party's id. Names are encrypted: there is no search by name."
    actions_detail = ("approve_kyc", "reject_kyc")

    def has_decide_kyc_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Compliance officers."""
        actor = self.admin_site.actor(request)
        return actor is not None and "COMPLIANCE" in actor.roles

    @act(
        title="Approve KYC",
        path="approve-kyc",
        permission="decide_kyc",
        icon="verified_user",
        variant=ActionVariant.SUCCESS,
    )
    def approve_kyc(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the terms of an approval, and approve."""
        return self._decide(request, object_id, KycStatus.APPROVED)

    @act(title="Reject KYC", path="reject-kyc", permission="decide_kyc", icon="gpp_bad", variant=ActionVariant.DANGER)
    def reject_kyc(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a reason, and reject."""
        return self._decide(request, object_id, KycStatus.REJECTED)

    def _decide(self, request: HttpRequest, object_id: str, status: KycStatus) -> HttpResponse:
        profile = self.get_object(request, object_id)
        if profile is None:
            raise Http404
        party_id: UUID = profile.party_id
        approve = status == KycStatus.APPROVED
        verb = "Approve" if approve else "Reject"
        form = (ApprovalForm if approve else RejectionForm)(request.POST or None, profile=profile)

        def perform(filled: forms.Form) -> str:
            draft = _draft(status, filled.cleaned_data)
            decide_kyc(actor=self.admin_site.actor(request), party_id=party_id, draft=draft, now=clock.now())
            return "The identity is approved." if approve else "The identity is rejected."

        return ask_and_act(
            self,
            request,
            form=form,
            title=f"{verb} KYC of {name_of(profile.party)}",
            verb=verb,
            explanation=APPROVAL if approve else REJECTION,
            perform=perform,
            back=reverse("admin:compliance_investorprofile_change", args=[party_id]),
            danger=not approve,
        )


def _draft(status: KycStatus, filled: dict[str, Any]) -> KycDecisionDraft:
    last_day = filled.get("expires_on")
    return KycDecisionDraft(
        status=status,
        reason=filled["reason"],
        accredited=filled.get("accredited", False),
        expires_at=datetime.combine(last_day, time.max, tzinfo=UTC) if last_day else None,
    )


@admin.register(KycDecision)
class KycDecisionAdmin(ReadOnlyAdmin):
    """Every decision about an investor's identity."""

    table = ("id", "decided_at", "party", "status", "accredited", "decided_by", "expires_at", "reason")
    list_filter = ("status", "accredited")
    search_fields = ("id", "party_id", "decided_by_id")


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    """Wallets whose key a party has proved to hold."""

    table = ("address", "party", "claim_status", "proved_at")
    list_filter = ("claim_status",)
    search_fields = ("id", "address", "party_id")
    inlines = (RegistrationsInline,)


@admin.register(WalletRegistration)
class WalletRegistrationAdmin(ReadOnlyAdmin):
    """Wallets' entries in tokens' identity registries."""

    table = ("id", "wallet", "isin", "status", "requested_at", "registered_at")
    list_filter = ("status",)
    search_fields = ("id", "isin", "wallet_id", "wallet__address")


@admin.register(WalletChallenge)
class WalletChallengeAdmin(ReadOnlyAdmin):
    """Proofs asked for. The message itself is the investor's to sign and nobody's to read."""

    table = ("id", "created_at", "party", "address", "expires_at", "used_at")
    hidden = ("message",)
    search_fields = ("id", "address", "party_id")


@admin.register(EligibilityDecision)
class EligibilityDecisionAdmin(ReadOnlyAdmin):
    """Every answer eligibility gave."""

    table = ("id", "decided_at", "party_id", "isin", "action", "allowed", "codes", "subject_ref")
    list_filter = ("allowed", "action")
    search_fields = ("id", "party_id", "isin", "subject_ref", "wallet_address")
