"""The trail, for officers."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.api.serializers import AuditLogListQuery, AuditLogSerializer
from apps.audit.selectors.trail import audit_logs
from apps.core.http.schema import page_of
from apps.core.http.views import View


class AuditLogsView(View):
    """Rows of the trail."""

    required_roles = frozenset({"COMPLIANCE", "OPS"})
    reads_query = True

    @extend_schema(
        operation_id="list_audit_logs",
        tags=["compliance"],
        parameters=[AuditLogListQuery],
        responses=page_of(AuditLogSerializer, AuditLogListQuery),
    )
    def get(self, request: Request) -> Response:
        """Who did what, newest first."""
        asked = AuditLogListQuery.read(request)
        return self.page(asked, audit_logs(), lambda rows: AuditLogSerializer(rows, many=True).data)
