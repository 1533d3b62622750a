"""What officers do about breaks."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES
from apps.core import clock
from apps.core.http.idempotency import Idempotency
from apps.core.http.serializers import read_body, read_no_body
from apps.core.http.views import View
from apps.core.rate_limits import Bucket
from apps.reconciliation.api import break_serializers as shapes
from apps.reconciliation.api.serializers import BreakSerializer
from apps.reconciliation.selectors.breaks import break_detail
from apps.reconciliation.selectors.rendering import break_as_dict, detail_as_dict, resolution_as_dict
from apps.reconciliation.services.breaks import assign_break, explain_break
from apps.reconciliation.services.resolutions import approve_resolution, propose_resolution, reject_resolution
from apps.reconciliation.types import ResolutionKind


class BreakDetailView(View):
    """One break."""

    required_roles = STAFF_ROLES

    @extend_schema(operation_id="get_break", tags=["reconciliation"], responses=shapes.BreakDetailSerializer)
    def get(self, request: Request, break_id: UUID) -> Response:
        """A break with all that happened to it, its resolutions, and what is stored on each side."""
        return Response(detail_as_dict(break_detail(break_id)))


class AssignmentView(View):
    """Its owner."""

    required_roles = STAFF_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="assign_break",
        tags=["reconciliation"],
        request=shapes.AssignmentSerializer,
        responses=BreakSerializer,
    )
    def post(self, request: Request, break_id: UUID) -> Response:
        """Give an open break to an officer."""
        body = read_body(request, shapes.AssignmentSerializer)
        view = assign_break(actor=self.actor(request), break_id=break_id, owner_id=body["owner_id"], now=clock.now())
        return Response(break_as_dict(view))


class ExplanationView(View):
    """What it is."""

    required_roles = STAFF_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="explain_break",
        tags=["reconciliation"],
        request=shapes.ExplanationSerializer,
        responses=BreakSerializer,
    )
    def post(self, request: Request, break_id: UUID) -> Response:
        """Say what a break is; it is kept with its events."""
        body = read_body(request, shapes.ExplanationSerializer)
        view = explain_break(actor=self.actor(request), break_id=break_id, text=body["text"], now=clock.now())
        return Response(break_as_dict(view))


class ProposalView(View):
    """The maker's half."""

    required_roles = STAFF_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="propose_resolution",
        tags=["reconciliation"],
        request=shapes.ProposalSerializer,
        responses={201: shapes.ResolutionSerializer},
    )
    def post(self, request: Request, break_id: UUID) -> Response:
        """Propose to post the break's remedy, or to accept what is found; a second person decides."""
        body = read_body(request, shapes.ProposalSerializer)
        view = propose_resolution(
            actor=self.actor(request),
            break_id=break_id,
            kind=ResolutionKind(body["kind"]),
            reason=body["reason"],
            now=clock.now(),
        )
        return Response(resolution_as_dict(view), status=201)


class ApprovalView(View):
    """The checker's yes."""

    required_roles = STAFF_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="approve_resolution",
        tags=["reconciliation"],
        request=None,
        responses=shapes.ResolutionSerializer,
    )
    def post(self, request: Request, resolution_id: UUID) -> Response:
        """Approve as a second person: the entry is posted, or what is found accepted."""
        read_no_body(request)
        view = approve_resolution(actor=self.actor(request), resolution_id=resolution_id, now=clock.now())
        return Response(resolution_as_dict(view))


class RejectionView(View):
    """The checker's no."""

    required_roles = STAFF_ROLES
    throttle = Bucket.WRITES
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="reject_resolution",
        tags=["reconciliation"],
        request=shapes.RejectionSerializer,
        responses=shapes.ResolutionSerializer,
    )
    def post(self, request: Request, resolution_id: UUID) -> Response:
        """Turn a proposal down as a second person: the break is open again."""
        body = read_body(request, shapes.RejectionSerializer)
        view = reject_resolution(
            actor=self.actor(request), resolution_id=resolution_id, reason=body["reason"], now=clock.now()
        )
        return Response(resolution_as_dict(view))
