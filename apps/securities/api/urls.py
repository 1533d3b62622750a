"""Routes."""

from django.urls import URLPattern, path

from apps.core.http import converters  # noqa: F401 (registers <isin:isin>)
from apps.securities.api import views

urlpatterns: list[URLPattern] = [
    path("securities", views.SecuritiesView.as_view(), name="securities"),
    path("securities/<isin:isin>", views.SecurityDetailView.as_view(), name="security"),
]
