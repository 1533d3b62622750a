"""The tree over the log, for officers and whom they show it to."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.api import proof_serializers as shapes
from apps.audit.selectors import tree
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_query
from apps.core.http.views import View

READERS = frozenset({"COMPLIANCE", "OPS"})


class AuditHeadsView(View):
    """Signed heads."""

    required_roles = READERS
    reads_query = True

    @extend_schema(
        operation_id="list_audit_heads",
        tags=["compliance"],
        parameters=[shapes.AuditHeadListQuery],
        responses=page_of(shapes.AuditHeadSerializer, shapes.AuditHeadListQuery),
    )
    def get(self, request: Request) -> Response:
        """Signed heads of the audit log, newest first. One kept elsewhere shows whether the log was cut or forked."""
        asked = shapes.AuditHeadListQuery.read(request)
        return self.page(asked, tree.audit_heads(), lambda rows: [shapes.render_head(row) for row in rows])


class AuditProofView(View):
    """The proof of one event."""

    required_roles = READERS
    reads_query = True
    refuses = frozenset({404, 409})

    @extend_schema(
        operation_id="get_audit_proof",
        tags=["compliance"],
        parameters=[shapes.ProofQuery],
        responses=shapes.AuditProofSerializer,
    )
    def get(self, request: Request, event_id: int) -> Response:
        """An event's text and its path to a signed head."""
        asked = read_query(request, shapes.ProofQuery)
        return Response(shapes.render_proof(tree.event_proof(event_id, size=asked.get("size"))))


class AuditConsistencyView(View):
    """That the log only grew."""

    required_roles = READERS
    reads_query = True
    refuses = frozenset({422})

    @extend_schema(
        operation_id="get_audit_consistency",
        tags=["compliance"],
        parameters=[shapes.ConsistencyQuery],
        responses=shapes.AuditConsistencySerializer,
    )
    def get(self, request: Request) -> Response:
        """The proof that the log of one size is the beginning of that of another."""
        asked = read_query(request, shapes.ConsistencyQuery)
        return Response(shapes.render_consistency(tree.consistency(asked["from"], asked["to"])))
