"""Routes."""

from django.urls import URLPattern, path

from apps.audit.api import proofs, views

LOGS = "compliance/audit-logs"

urlpatterns: list[URLPattern] = [
    path(LOGS, views.AuditLogsView.as_view(), name="audit-logs"),
    path(f"{LOGS}/heads", proofs.AuditHeadsView.as_view(), name="audit-heads"),
    path(f"{LOGS}/consistency", proofs.AuditConsistencyView.as_view(), name="audit-consistency"),
    path(f"{LOGS}/<int:event_id>/proof", proofs.AuditProofView.as_view(), name="audit-proof"),
]
