"""Officers' pages of reconciliation runs; running one now is their one act. Those of breaks are in break_admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from apps.accounts.types import STAFF_ROLES
from apps.chain.services.nodes import all_nodes
from apps.core import clock
from apps.core.officers import ReadOnlyAdmin, act, ask_and_act
from apps.reconciliation.break_admin import EventsInline
from apps.reconciliation.charts import stacked
from apps.reconciliation.models import Attestation, CutOff, Run, StorageNode
from apps.reconciliation.selectors.charts import runs_by_day
from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder, reconcilable
from apps.reconciliation.types import RunDepth, RunStatus

EXPLANATION = "Compares books, final events and contract storage at the block the books stand at, and records the run."


class ReconcileForm(forms.Form):
    """Which security."""

    isin = forms.ChoiceField(label="ISIN", widget=UnfoldAdminSelectWidget)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["isin"].choices = [(isin, isin) for isin in reconcilable()]  # type: ignore[attr-defined]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Comparisons of a security's books with its chain."""

    table = ("id", "finished_at", "isin", "status", "breaks_found", "wallets", "unknown_reads", "in_flight", "user_id")
    list_filter = ("status",)
    search_fields = ("id", "isin")
    inlines = (EventsInline,)
    actions_list = ("reconcile_now",)
    list_before_template = "reconciliation/charts.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        labels, series = runs_by_day(clock.now())
        charts = [stacked("Runs of fourteen days by outcome", labels, series, none="No run in fourteen days.")]
        return super().changelist_view(request, {**(extra_context or {}), "charts": charts})

    def has_reconcile_permission(self, request: HttpRequest) -> bool:
        """Officers."""
        actor = self.admin_site.actor(request)
        return actor is not None and bool(actor.roles & STAFF_ROLES)

    @act(
        title="Reconcile now",
        path="reconcile-now",
        permission="reconcile",
        icon="balance",
        variant=ActionVariant.PRIMARY,
    )
    def reconcile_now(self, request: HttpRequest) -> HttpResponse:
        """Ask which security, and reconcile it."""

        def perform(filled: forms.Form) -> str:
            actor = self.admin_site.actor(request)
            with all_nodes() as nodes:
                order = RunOrder(RunDepth.FULL)
                isin = filled.cleaned_data["isin"]
                run = ReconciliationEngine(nodes).reconcile(isin=isin, actor=actor, now=clock.now(), order=order)
            return f"{run.isin}: {RunStatus(run.status).label}, {run.breaks_found} open breaks."

        return ask_and_act(
            self,
            request,
            form=ReconcileForm(request.POST or None),
            title="Reconcile a security now",
            verb="Reconcile",
            explanation=EXPLANATION,
            perform=perform,
            back=reverse("admin:reconciliation_run_changelist"),
        )


@admin.register(CutOff)
class CutOffAdmin(ReadOnlyAdmin):
    """The instants at which books and chain were compared."""

    table = ("id", "recorded_at", "block_number", "block_time", "block_hash", "ledger_sequence", "endpoints")
    search_fields = ("id", "block_number", "block_hash", "ledger_sequence")


@admin.register(Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    """Signed statements of runs."""

    table = ("id", "recorded_at", "run", "isin", "block_number", "positions", "booked", "units", "supply", "key_id")
    search_fields = ("id", "run_id", "isin", "block_hash")


@admin.register(StorageNode)
class StorageNodeAdmin(ReadOnlyAdmin):
    """Nodes that proofs of positions are made of."""

    table = ("id",)
    search_fields = ("id",)
