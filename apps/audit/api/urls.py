"""Routes."""

from django.urls import URLPattern, path

from apps.audit.api import proofs, reports, views

LOGS, REPORTS = "compliance/audit-logs", "compliance/reports"

urlpatterns: list[URLPattern] = [
    path(LOGS, views.AuditLogsView.as_view(), name="audit-logs"),
    path(f"{LOGS}/heads", proofs.AuditHeadsView.as_view(), name="audit-heads"),
    path(f"{LOGS}/consistency", proofs.AuditConsistencyView.as_view(), name="audit-consistency"),
    path(f"{LOGS}/<int:event_id>/proof", proofs.AuditProofView.as_view(), name="audit-proof"),
    path(f"{REPORTS}/data-access", reports.DataAccessReportView.as_view(), name="report-data-access"),
    path(f"{REPORTS}/approvals", reports.ApprovalsReportView.as_view(), name="report-approvals"),
    path(f"{REPORTS}/configuration", reports.ConfigurationReportView.as_view(), name="report-configuration"),
    path(f"{REPORTS}/failed-access", reports.FailedAccessReportView.as_view(), name="report-failed-access"),
]
