"""The trail, for officers."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.api.serializers import AuditLogQuerySerializer, AuditLogSerializer
from apps.audit.selectors.trail import audit_logs
from apps.core.http.pagination import PAGE_PARAMETERS
from apps.core.http.schema import PAGE_QUERY, page_of
from apps.core.http.serializers import read_query
from apps.core.http.views import View


class AuditLogsView(View):
    """Rows of the trail."""

    required_roles = frozenset({"COMPLIANCE", "OPS"})
    reads_query = True

    @extend_schema(
        operation_id="list_audit_logs",
        tags=["compliance"],
        parameters=[AuditLogQuerySerializer, *PAGE_QUERY],
        responses=page_of(AuditLogSerializer),
    )
    def get(self, request: Request) -> Response:
        """Who did what, newest first."""
        filters = read_query(request, AuditLogQuerySerializer, allow=PAGE_PARAMETERS)
        return self.page(request, audit_logs(**filters), lambda row: AuditLogSerializer(row).data)
