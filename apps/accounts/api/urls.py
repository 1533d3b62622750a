"""Routes."""

from django.urls import URLPattern, path

from apps.accounts.api import views

urlpatterns: list[URLPattern] = [
    path("auth/token", views.TokenView.as_view(), name="token"),
]
