"""Compliance reports from the log, for officers: pages of JSON, or one CSV file."""

from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from apps.audit.api import report_serializers as shapes
from apps.audit.selectors.compliance_reports import Report, report_rows
from apps.audit.services.access import record_report_viewed
from apps.core.http.csv_answers import CSV, csv_answer
from apps.core.http.schema import JSON, page_of
from apps.core.http.views import View

FILE = OpenApiResponse(str, description="All that was asked for, one line an event, with `format=csv`.")
EVENTS = page_of(shapes.AuditReportRowSerializer, shapes.AuditReportQuery)


def _answers(page: Any) -> dict[Any, Any]:
    return {(200, JSON): page, (200, CSV): FILE}


class AuditReportView(View):
    """What the reports have in common. Taking one is recorded itself."""

    required_roles = frozenset({"COMPLIANCE", "OPS"})
    reads_query = True
    report: ClassVar[Report]
    query: ClassVar[type[shapes.AuditReportQuery]] = shapes.AuditReportQuery

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whoever accepts CSV alone may ask for it; a refusal is still answered in JSON."""
        return super().perform_content_negotiation(request, force="text/csv" in request.headers.get("Accept", ""))

    def answer(self, request: Request) -> HttpResponseBase:
        """A page of the report, or all of it as a file."""
        asked = self.query.read(request)
        rows, shape = report_rows(self.report), shapes.ROWS[self.report]
        if asked.get("format") == "csv":
            lines = (row for piece in asked.all_of(rows) for row in shape(piece, many=True).data)
            answer: HttpResponseBase = csv_answer(name=f"{self.report}.csv", columns=shape.Meta.fields, rows=lines)
        else:
            answer = self.page(asked, rows, lambda found: shape(found, many=True).data)
        told = {name: value for name, value in request.query_params.items() if name != "cursor"}
        record_report_viewed(actor=self.actor(request), report=self.report, asked=told)
        return answer


class DataAccessReportView(AuditReportView):
    """Who saw whose data."""

    report = Report.DATA_ACCESS
    query = shapes.DataAccessQuery

    @extend_schema(
        operation_id="data_access_report",
        tags=["compliance"],
        parameters=[shapes.DataAccessQuery],
        responses=_answers(page_of(shapes.DataAccessRowSerializer, shapes.DataAccessQuery)),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Who saw whose data: pages and answers that showed protected data of others, and exports, newest first."""
        return self.answer(request)


class ApprovalsReportView(AuditReportView):
    """Who approved what."""

    report = Report.APPROVALS

    @extend_schema(
        operation_id="approvals_report",
        tags=["compliance"],
        parameters=[shapes.AuditReportQuery],
        responses=_answers(EVENTS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Who approved, rejected or decided what, newest first."""
        return self.answer(request)


class ConfigurationReportView(AuditReportView):
    """What was configured."""

    report = Report.CONFIGURATION

    @extend_schema(
        operation_id="configuration_report",
        tags=["compliance"],
        parameters=[shapes.AuditReportQuery],
        responses=_answers(EVENTS),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Changes of users, roles, securities, terms, signers, templates and keys, newest first."""
        return self.answer(request)


class FailedAccessReportView(AuditReportView):
    """Who was refused."""

    report = Report.FAILED_ACCESS

    @extend_schema(
        operation_id="failed_access_report",
        tags=["compliance"],
        parameters=[shapes.AuditReportQuery],
        responses=_answers(page_of(shapes.FailedAccessRowSerializer, shapes.AuditReportQuery)),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Refused logins, what a role does not allow, requests without a good login or beyond a limit; newest first."""
        return self.answer(request)
