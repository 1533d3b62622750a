"""Reports: read only, one snapshot each."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.core import clock
from apps.core.http.serializers import StrictSerializer, read_query
from apps.core.http.views import View
from apps.reports.api import serializers as shapes
from apps.reports.selectors.building import ReportName, build_report
from apps.reports.types import ReportQuery


class ReportView(View):
    """What the reports have in common: staff see every security, an issuer its own."""

    required_roles = STAFF_ROLES | {Role.ISSUER.value}
    reads_query = True

    def answer(self, request: Request, name: ReportName, query: type[StrictSerializer]) -> Response:
        """The report; its rows go out as they were hashed."""
        asked = ReportQuery(**read_query(request, query))
        report = build_report(name=name, actor=self.actor(request), query=asked, now=clock.now())
        return Response(shapes.ReportSerializer(report).data | {"rows": report.rows})


class TradingReportView(ReportView):
    """Trading."""

    @extend_schema(
        operation_id="trading_report",
        tags=["reports"],
        parameters=[shapes.TradingQuerySerializer],
        responses=shapes.TradingReportSerializer,
    )
    def get(self, request: Request) -> Response:
        """Orders, trades, volume, VWAP, fill rate and turnover per security."""
        return self.answer(request, ReportName.TRADING, shapes.TradingQuerySerializer)


class SettlementReportView(ReportView):
    """Settlement."""

    @extend_schema(
        operation_id="settlement_report",
        tags=["reports"],
        parameters=[shapes.SettlementQuerySerializer],
        responses=shapes.SettlementReportSerializer,
    )
    def get(self, request: Request) -> Response:
        """Instructions by status and reason, settlement rates and the age of failing ones; days are trade dates."""
        return self.answer(request, ReportName.SETTLEMENT, shapes.SettlementQuerySerializer)


class IssuanceReportView(ReportView):
    """Issuance."""

    @extend_schema(
        operation_id="issuance_report",
        tags=["reports"],
        parameters=[shapes.IssuanceQuerySerializer],
        responses=shapes.IssuanceReportSerializer,
    )
    def get(self, request: Request) -> Response:
        """Authorized, issued and outstanding, the largest holders, and requests by status."""
        return self.answer(request, ReportName.ISSUANCE, shapes.IssuanceQuerySerializer)


class ReconciliationReportView(ReportView):
    """Reconciliation."""

    @extend_schema(
        operation_id="reconciliation_report",
        tags=["reports"],
        parameters=[shapes.ReconciliationQuerySerializer],
        responses=shapes.ReconciliationReportSerializer,
    )
    def get(self, request: Request) -> Response:
        """Runs, breaks by kind and age, and the last cut-off."""
        return self.answer(request, ReportName.RECONCILIATION, shapes.ReconciliationQuerySerializer)
