"""Routes of the system itself, and the API's description."""

from django.urls import URLPattern, path

from apps.api import documentation, views
from apps.core.http.webhooks import InboundWebhookView

urlpatterns: list[URLPattern] = [
    path("health", views.HealthView.as_view(), name="health"),
    path("ready", views.ReadyView.as_view(), name="ready"),
    path("metrics", views.MetricsView.as_view(), name="metrics"),
    path("webhooks/<slug:provider>", InboundWebhookView.as_view(), name="webhook"),
    path("schema", documentation.DocumentView.as_view(), name="schema"),
    path("docs", documentation.DocsView.as_view(), name="docs"),
    path("docs/errors", documentation.ErrorsPage.as_view(), name="errors"),
    path("redoc/script", documentation.RedocScriptView.as_view(), name="redoc-script"),
    path("redoc", documentation.RedocView.as_view(), name="redoc"),
]
