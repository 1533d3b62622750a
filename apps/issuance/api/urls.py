"""Routes."""

from django.urls import URLPattern, path

from apps.core.http import converters  # noqa: F401 (registers <isin:isin>)
from apps.issuance.api import event_views, views

urlpatterns: list[URLPattern] = [
    path("issuance", views.IssuancesView.as_view(), name="issuances"),
    path("issuance/events", event_views.TokenEventsView.as_view(), name="token-events"),
    path("issuance/events/ingest", event_views.IngestView.as_view(), name="token-events-ingest"),
    path("issuance/tokens", views.TokensView.as_view(), name="tokens"),
    path("issuance/tokens/<isin:isin>", views.TokenView.as_view(), name="token"),
    path("issuance/<uuid:issuance_id>", views.IssuanceDetailView.as_view(), name="issuance"),
    path("issuance/<uuid:issuance_id>/approve", views.ApprovalView.as_view(), name="issuance-approval"),
    path("issuance/<uuid:issuance_id>/reject", views.RejectionView.as_view(), name="issuance-rejection"),
]
