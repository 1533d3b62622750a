"""Reconciliation runs, breaks and proofs."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.chain.services.nodes import all_nodes
from apps.core import clock
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body, read_query
from apps.core.http.views import View
from apps.core.rate_limits import Bucket
from apps.reconciliation.api import serializers as shapes
from apps.reconciliation.selectors.attestations import attestation_of, position_proof
from apps.reconciliation.selectors.rendering import attestation_as_dict, break_as_dict, run_as_dict
from apps.reconciliation.selectors.runs import break_view, breaks_of, run, run_view, runs_of
from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder
from apps.reconciliation.types import RunDepth

HOLDERS = STAFF_ROLES | {Role.INVESTOR.value}


class RunsView(View):
    """Reconciliations."""

    required_roles = STAFF_ROLES
    reads_query = True
    throttle = Bucket.WRITES
    # A run reads the chain between its transactions, and a second one only looks again.
    idempotency = Idempotency.NONE

    @extend_schema(
        operation_id="reconcile",
        tags=["reconciliation"],
        request=shapes.RunOrderSerializer,
        responses={201: shapes.RunSerializer},
    )
    def post(self, request: Request) -> Response:
        """Compare a security's books, final events and contract storage now, at the block the books stand at."""
        body = read_body(request, shapes.RunOrderSerializer)
        depth = RunDepth(body["depth"])
        order = RunOrder(depth, body["incremental"], attest=depth == RunDepth.PROVEN)
        with all_nodes() as nodes:
            engine = ReconciliationEngine(nodes)
            view = engine.reconcile(isin=body["isin"], actor=self.actor(request), now=clock.now(), order=order)
        return Response(run_as_dict(view), status=201)

    @extend_schema(
        operation_id="list_reconciliation_runs",
        tags=["reconciliation"],
        parameters=[shapes.RunListQuery],
        responses=page_of(shapes.RunSummarySerializer, shapes.RunListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without their breaks."""
        asked = shapes.RunListQuery.read(request)
        return self.page(asked, runs_of(), lambda rows: [run_as_dict(run_view(row), breaks=False) for row in rows])


class RunDetailView(View):
    """One reconciliation."""

    required_roles = STAFF_ROLES

    @extend_schema(operation_id="get_reconciliation_run", tags=["reconciliation"], responses=shapes.RunSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """A run with the breaks it saw."""
        return Response(run_as_dict(run(run_id)))


class BreaksView(View):
    """Breaks."""

    required_roles = STAFF_ROLES
    reads_query = True

    @extend_schema(
        operation_id="list_breaks",
        tags=["reconciliation"],
        parameters=[shapes.BreakListQuery],
        responses=page_of(shapes.BreakSerializer, shapes.BreakListQuery),
    )
    def get(self, request: Request) -> Response:
        """Newest first, as each was last seen; a break that returned keeps its first sight."""
        asked = shapes.BreakListQuery.read(request)
        return self.page(asked, breaks_of(), lambda rows: [break_as_dict(break_view(row)) for row in rows])


class AttestationView(View):
    """What a run attests."""

    required_roles = HOLDERS

    @extend_schema(operation_id="get_attestation", tags=["reconciliation"], responses=shapes.AttestationSerializer)
    def get(self, request: Request, run_id: UUID) -> Response:
        """The signed statement of a run: an investor's of securities it has an account for."""
        return Response(attestation_as_dict(attestation_of(self.actor(request), run_id)))


class PositionProofView(View):
    """The proof of a position."""

    required_roles = HOLDERS
    reads_query = True

    @extend_schema(
        operation_id="get_position_proof",
        tags=["reconciliation"],
        parameters=[shapes.PositionProofQuery],
        responses=shapes.PositionProofSerializer,
    )
    def get(self, request: Request, isin: str) -> HttpResponse:
        """The newest attested position of the caller's own wallet, to be checked offline by verifier.py.

        One line of canonical JSON, in no envelope: keep it byte for byte. The staff name any wallet.
        """
        asked = read_query(request, shapes.PositionProofQuery)
        proof = position_proof(self.actor(request), isin=isin, wallet_address=asked.get("wallet_address"))
        return HttpResponse(proof, content_type="application/json")
