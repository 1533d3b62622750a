"""Officers' pages of breaks: how many, of which kind and age, what is stored about each, and what to do about it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.enums import ActionVariant

from apps.accounts.types import STAFF_ROLES
from apps.core import clock
from apps.core.actor import Actor
from apps.core.officers import Amount, Column, ReadOnlyAdmin, ReadOnlyInline, Reference, act, ask_and_act
from apps.reconciliation.break_forms import (
    AgeOf,
    DecisionForm,
    OwnerForm,
    ProposalForm,
    RejectionForm,
    SeverityOf,
    TextForm,
)
from apps.reconciliation.charts import stacked
from apps.reconciliation.evidence_page import evidence_table, remedy_said, seen_table
from apps.reconciliation.models import Break, BreakEvent, Resolution
from apps.reconciliation.selectors.breaks import break_detail, break_of, open_resolution
from apps.reconciliation.selectors.charts import by_age, by_kind, open_breaks
from apps.reconciliation.services.breaks import assign_break, explain_break
from apps.reconciliation.services.resolutions import approve_resolution, propose_resolution, reject_resolution
from apps.reconciliation.types import (
    UNSETTLED,
    BreakKind,
    BreakState,
    ResolutionKind,
    ResolutionView,
)

AMOUNTS = {
    "books_amount": Amount("books_amount", "books", decimals="decimals"),
    "events_amount": Amount("events_amount", "events", decimals="decimals"),
    "chain_amount": Amount("chain_amount", "chain", decimals="decimals"),
}
PEOPLE = {
    "proposed_by": Reference("proposed_by", "accounts.User"),
    "decided_by": Reference("decided_by", "accounts.User"),
    "transfer_id": Reference("transfer_id", "ledger.LedgerTransfer"),
}


class EventsInline(ReadOnlyInline):
    """What each run saw, and what people did."""

    model = BreakEvent
    table = ("recorded_at", "found", "change", "run", "user_id", *AMOUNTS, "message")
    columns = AMOUNTS


class ResolutionsInline(ReadOnlyInline):
    """What was proposed, and decided."""

    model = Resolution
    table = ("proposed_at", "kind", "state", "reason", "proposed_by", "decided_by", "decided_at", "transfer_id")
    columns = PEOPLE


@admin.register(Break)
class BreakAdmin(ReadOnlyAdmin):
    """Differences between books and chain."""

    table = ("id", "isin", "kind", "severity", "state", "age", "owner_id", "wallet_address", "last_seen_at")
    columns: ClassVar[Mapping[str, Column]] = {
        "severity": SeverityOf("severity"),
        "age": AgeOf("age"),
        "owner_id": Reference("owner_id", "accounts.User"),
    }
    list_filter = ("state", "kind")
    search_fields = ("id", "isin", "wallet_address", "identity", "owner_id")
    inlines = (ResolutionsInline, EventsInline)
    list_before_template = "reconciliation/charts.html"
    change_form_before_template = "reconciliation/evidence.html"
    actions_detail: ClassVar[tuple[str, ...]] = ("assign", "explain", "propose", "approve", "reject")
    # By its path, the states in which an act is shown; the service decides.
    offered: ClassVar[Mapping[str, Collection[str]]] = {
        "assign": UNSETTLED,
        "propose": {BreakState.OPEN},
        "approve": {BreakState.PROPOSED},
        "reject": {BreakState.PROPOSED},
    }

    def has_work_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Officers."""
        actor = self.admin_site.actor(request)
        return actor is not None and bool(actor.roles & STAFF_ROLES)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        acts = super().get_actions_detail(request, object_id)
        row = Break.objects.filter(pk=object_id).only("state").first()
        return [each for each in acts if row is None or row.state in self.offered.get(each.path, [row.state])]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found = open_breaks(clock.now())
        none = "No break is open."
        charts = [
            stacked("Open breaks by kind", *by_kind(found), none=none),
            stacked("Open breaks by age", *by_age(found), none=none),
        ]
        return super().changelist_view(request, {**(extra_context or {}), "charts": charts})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        detail = break_detail(context["original"].pk)
        context |= {"seen": seen_table(detail.found), "evidence": evidence_table(detail)}
        return super().render_change_form(request, context, *args, **kwargs)

    @act(title="Assign", path="assign", permission="work", icon="person_add", variant=ActionVariant.DEFAULT)
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give it to an officer."""
        row = self._row(request, object_id)

        def perform(actor: Actor, filled: dict[str, Any]) -> str:
            assign_break(actor=actor, break_id=row.pk, owner_id=UUID(filled["owner"]), now=clock.now())
            return "The break has its owner."

        form = OwnerForm(request.POST or None, self.admin_site.actor(request))
        return self._ask(request, row, form, "Assign", "The owner finds out what it is.", perform)

    @act(title="Explain", path="explain", permission="work", icon="comment", variant=ActionVariant.DEFAULT)
    def explain(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what it is."""
        row = self._row(request, object_id)

        def perform(actor: Actor, filled: dict[str, Any]) -> str:
            explain_break(actor=actor, break_id=row.pk, text=filled["text"], now=clock.now())
            return "The explanation is kept with the break."

        said = "What it is, and where it comes from. It closes nothing."
        return self._ask(request, row, TextForm(request.POST or None), "Explain", said, perform)

    @act(title="Propose a resolution", path="propose", permission="work", icon="gavel", variant=ActionVariant.PRIMARY)
    def propose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The maker's half."""
        row = self._row(request, object_id)
        seen = break_of(row.pk)

        def perform(actor: Actor, filled: dict[str, Any]) -> str:
            kind = ResolutionKind(filled["kind"])
            propose_resolution(actor=actor, break_id=row.pk, kind=kind, reason=filled["reason"], now=clock.now())
            return "Proposed: a second person decides."

        said = f"The entry that would mend it: {remedy_said(seen.remedy, seen.asset, seen.decimals)}."
        return self._ask(request, row, ProposalForm(request.POST or None), "Propose", said, perform)

    @act(title="Approve", path="approve", permission="work", icon="check", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The checker's yes, to what was shown."""
        row = self._row(request, object_id)
        made = open_resolution(row.pk)

        def perform(actor: Actor, filled: dict[str, Any]) -> str:
            approve_resolution(actor=actor, resolution_id=filled["resolution"], now=clock.now())
            return "Approved: the break is resolved."

        form = DecisionForm(request.POST or None, initial={"resolution": made.id})
        return self._ask(request, row, form, "Approve", consequence(made), perform)

    @act(title="Reject", path="reject", permission="work", icon="close", variant=ActionVariant.DEFAULT)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The checker's no, to what was shown."""
        row = self._row(request, object_id)
        made = open_resolution(row.pk)

        def perform(actor: Actor, filled: dict[str, Any]) -> str:
            key, reason = filled["resolution"], filled["text"]
            reject_resolution(actor=actor, resolution_id=key, reason=reason, now=clock.now())
            return "Rejected: the break is open again."

        form = RejectionForm(request.POST or None, initial={"resolution": made.id})
        said = f"The break is open again, and nothing is posted. Proposed: {made.reason}"
        return self._ask(request, row, form, "Reject", said, perform)

    def _row(self, request: HttpRequest, object_id: str) -> Break:
        row: Break | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def _ask(
        self,
        request: HttpRequest,
        row: Break,
        form: forms.Form,
        title: str,
        explanation: str,
        call: Callable[[Actor, dict[str, Any]], str],
    ) -> HttpResponse:
        """The page of an act upon this break."""
        return ask_and_act(
            self,
            request,
            form=form,
            title=f"{title}: {BreakKind(row.kind)} of {row.isin}",
            verb=title,
            explanation=explanation,
            perform=lambda filled: call(self.admin_site.actor(request), filled.cleaned_data),
            back=reverse("admin:reconciliation_break_change", args=[row.pk]),
        )


def consequence(made: ResolutionView) -> str:
    """What an approval does, in words."""
    if made.kind == ResolutionKind.POST:
        return f"Posts {remedy_said(made.remedy, made.asset, made.decimals)}. Proposed: {made.reason}"
    return f"Accepts what is found, as it is found; found otherwise, it opens again. Proposed: {made.reason}"


@admin.register(BreakEvent)
class BreakEventAdmin(ReadOnlyAdmin):
    """Breaks as runs saw them, and what people did about them."""

    table = ("id", "recorded_at", "found", "change", "kind", "user_id", "asset", *AMOUNTS, "tx_hash")
    columns = AMOUNTS
    list_filter = ("change", "kind")
    search_fields = ("id", "found_id", "run_id", "user_id", "asset", "tx_hash")


@admin.register(Resolution)
class ResolutionAdmin(ReadOnlyAdmin):
    """What people proposed for breaks, and who decided."""

    table = ("id", "proposed_at", "found", "kind", "state", "asset", "proposed_by", "decided_by", "transfer_id")
    columns = PEOPLE
    list_filter = ("state", "kind")
    search_fields = ("id", "found_id", "asset", "transfer_id")
