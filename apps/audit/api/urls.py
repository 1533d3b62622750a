"""Routes."""

from django.urls import URLPattern, path

from apps.audit.api import views

urlpatterns: list[URLPattern] = [
    path("compliance/audit-logs", views.AuditLogsView.as_view(), name="audit-logs"),
]
