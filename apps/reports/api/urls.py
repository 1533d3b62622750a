"""Routes."""

from django.urls import URLPattern, path

from apps.reports.api import views

urlpatterns: list[URLPattern] = [
    path("reports/trading", views.TradingReportView.as_view(), name="report-trading"),
    path("reports/settlement", views.SettlementReportView.as_view(), name="report-settlement"),
    path("reports/issuance", views.IssuanceReportView.as_view(), name="report-issuance"),
    path("reports/reconciliation", views.ReconciliationReportView.as_view(), name="report-reconciliation"),
]
