"""Routes."""

from django.urls import URLPattern, path

from apps.core.http import converters  # noqa: F401 (registers <isin:isin>)
from apps.reconciliation.api import break_views, views

urlpatterns: list[URLPattern] = [
    path("reconciliation/runs", views.RunsView.as_view(), name="reconciliation-runs"),
    path("reconciliation/runs/<uuid:run_id>", views.RunDetailView.as_view(), name="reconciliation-run"),
    path("reconciliation/breaks", views.BreaksView.as_view(), name="reconciliation-breaks"),
    path("reconciliation/attestations/<uuid:run_id>", views.AttestationView.as_view(), name="attestation"),
    path("reconciliation/positions/<isin:isin>/proof", views.PositionProofView.as_view(), name="position-proof"),
    path("reconciliation/breaks/<uuid:break_id>", break_views.BreakDetailView.as_view(), name="break"),
    path("reconciliation/breaks/<uuid:break_id>/assign", break_views.AssignmentView.as_view(), name="break-owner"),
    path("reconciliation/breaks/<uuid:break_id>/explain", break_views.ExplanationView.as_view(), name="break-text"),
    path("reconciliation/breaks/<uuid:break_id>/resolutions", break_views.ProposalView.as_view(), name="proposals"),
    path(
        "reconciliation/resolutions/<uuid:resolution_id>/approve",
        break_views.ApprovalView.as_view(),
        name="resolution-approval",
    ),
    path(
        "reconciliation/resolutions/<uuid:resolution_id>/reject",
        break_views.RejectionView.as_view(),
        name="resolution-rejection",
    ),
]
