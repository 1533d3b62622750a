"""Issuances and tokens of securities."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import ALL_ROLES, Role
from apps.chain.selectors.tokens import binding
from apps.core import clock
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body, read_no_body
from apps.core.http.views import View
from apps.core.money import format_base_units
from apps.core.rate_limits import Bucket
from apps.issuance.api.serializers import (
    IssuanceListQuery,
    IssuanceRequestSerializer,
    IssuanceSerializer,
    TokenOrderSerializer,
    TokenSerializer,
)
from apps.issuance.selectors.issuances import issuance_for, issuances_for, view_of
from apps.issuance.services.decisions import approve_issuance, reject_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.services.tokens import order_token
from apps.issuance.types import IssuanceDraft, IssuanceView

ISSUER = frozenset({Role.ISSUER.value})
ISSUER_OR_OPS = ISSUER | {Role.OPS.value}


def render(view: IssuanceView) -> dict[str, Any]:
    """The answer for one issuance."""
    quantity = format_base_units(view.quantity, view.quantity_decimals)
    return dict(IssuanceSerializer(asdict(view) | {"quantity": quantity}).data)


class IssuancesView(View):
    """Issuances."""

    required_roles = {"GET": ALL_ROLES, "POST": ISSUER}
    reads_query = True
    throttle = Bucket.ISSUANCE
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="request_issuance",
        tags=["issuance"],
        request=IssuanceRequestSerializer,
        responses={202: IssuanceSerializer},
    )
    def post(self, request: Request) -> Response:
        """Request new securities for an eligible holder. Repeat it with the same client_request_id at will."""
        draft = IssuanceDraft(**read_body(request, IssuanceRequestSerializer))
        view = request_issuance(actor=self.actor(request), draft=draft, now=clock.now())
        return Response(render(view), status=202)

    @extend_schema(
        operation_id="list_issuances",
        tags=["issuance"],
        parameters=[IssuanceListQuery],
        responses=page_of(IssuanceSerializer, IssuanceListQuery),
    )
    def get(self, request: Request) -> Response:
        """Issuances, newest first: an issuer's own, an investor's as holder, all for operations and compliance."""
        asked = IssuanceListQuery.read(request)
        rows = issuances_for(self.actor(request))
        return self.page(asked, rows, lambda found: [render(view_of(row)) for row in found])


class IssuanceDetailView(View):
    """One issuance."""

    required_roles = ALL_ROLES

    @extend_schema(operation_id="get_issuance", tags=["issuance"], responses=IssuanceSerializer)
    def get(self, request: Request, issuance_id: UUID) -> Response:
        """One issuance."""
        return Response(render(issuance_for(self.actor(request), issuance_id)))


class ApprovalView(View):
    """The checker's yes."""

    required_roles = ISSUER
    throttle = Bucket.ISSUANCE
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="approve_issuance", tags=["issuance"], request=None, responses={202: IssuanceSerializer}
    )
    def post(self, request: Request, issuance_id: UUID) -> Response:
        """Approve as a second person of the issuer: the securities are minted."""
        read_no_body(request)
        view = approve_issuance(actor=self.actor(request), issuance_id=issuance_id, now=clock.now())
        return Response(render(view), status=202)


class RejectionView(View):
    """The checker's no."""

    required_roles = ISSUER
    throttle = Bucket.ISSUANCE
    idempotency = Idempotency.REQUIRED

    @extend_schema(operation_id="reject_issuance", tags=["issuance"], request=None, responses=IssuanceSerializer)
    def post(self, request: Request, issuance_id: UUID) -> Response:
        """Reject a request, or withdraw one's own."""
        read_no_body(request)
        return Response(render(reject_issuance(actor=self.actor(request), issuance_id=issuance_id, now=clock.now())))


class TokensView(View):
    """Tokens."""

    required_roles = ISSUER_OR_OPS
    throttle = Bucket.ISSUANCE
    idempotency = Idempotency.REQUIRED

    @extend_schema(
        operation_id="order_token", tags=["issuance"], request=TokenOrderSerializer, responses={202: TokenSerializer}
    )
    def post(self, request: Request) -> Response:
        """Have the ERC-3643 token of a security deployed."""
        body = read_body(request, TokenOrderSerializer)
        view = order_token(actor=self.actor(request), now=clock.now(), **body)
        return Response(TokenSerializer(view).data, status=202)


class TokenView(View):
    """One token."""

    required_roles = ALL_ROLES

    @extend_schema(operation_id="get_token", tags=["issuance"], responses=TokenSerializer)
    def get(self, request: Request, isin: str) -> Response:
        """The token of a security: what it says is public on the chain."""
        return Response(TokenSerializer(binding(isin)).data)
