"""Routes."""

from django.urls import URLPattern, path

from apps.accounts.api import views

urlpatterns: list[URLPattern] = [
    path("auth/token", views.TokenView.as_view(), name="token"),
    path("accounts/me", views.MeView.as_view(), name="me"),
    path("accounts/parties", views.PartiesView.as_view(), name="parties"),
    path("accounts/users", views.UsersView.as_view(), name="users"),
]
