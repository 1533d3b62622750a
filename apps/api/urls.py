"""Routes of the system itself, and the API's description."""

from django.urls import URLPattern, path

from apps.api import views

urlpatterns: list[URLPattern] = [
    path("health", views.HealthView.as_view(), name="health"),
    path("ready", views.ReadyView.as_view(), name="ready"),
    path("metrics", views.MetricsView.as_view(), name="metrics"),
    path("schema", views.SchemaView.as_view(), name="schema"),
    path("docs", views.DocsView.as_view(url_name="schema"), name="docs"),
    path("docs/errors", views.ErrorsPage.as_view(), name="errors"),
    path("redoc", views.RedocView.as_view(url_name="schema", template_name="api/redoc.html"), name="redoc"),
]
