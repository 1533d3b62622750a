"""Routes."""

from django.urls import URLPattern, path

from apps.notifications.api import views

urlpatterns: list[URLPattern] = [
    path("notifications", views.NotificationsView.as_view(), name="notifications"),
    path("notifications/preferences", views.PreferencesView.as_view(), name="notification-preferences"),
]
