"""Routes."""

from django.urls import URLPattern, path

from apps.core.http import converters  # noqa: F401 (registers <isin:isin>)
from apps.reconciliation.api import views

urlpatterns: list[URLPattern] = [
    path("reconciliation/runs", views.RunsView.as_view(), name="reconciliation-runs"),
    path("reconciliation/runs/<uuid:run_id>", views.RunDetailView.as_view(), name="reconciliation-run"),
    path("reconciliation/breaks", views.BreaksView.as_view(), name="reconciliation-breaks"),
    path("reconciliation/attestations/<uuid:run_id>", views.AttestationView.as_view(), name="attestation"),
    path("reconciliation/positions/<isin:isin>/proof", views.PositionProofView.as_view(), name="position-proof"),
]
