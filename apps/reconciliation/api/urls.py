"""Routes."""

from django.urls import URLPattern, path

from apps.reconciliation.api import views

urlpatterns: list[URLPattern] = [
    path("reconciliation/runs", views.RunsView.as_view(), name="reconciliation-runs"),
    path("reconciliation/runs/<uuid:run_id>", views.RunDetailView.as_view(), name="reconciliation-run"),
    path("reconciliation/breaks", views.BreaksView.as_view(), name="reconciliation-breaks"),
]
