"""Securities: created by their issuer, read by everyone who is logged in."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import ALL_ROLES, Role
from apps.core import clock
from apps.core.http.idempotency import Idempotency
from apps.core.http.schema import page_of
from apps.core.http.serializers import read_body
from apps.core.http.views import View
from apps.core.rate_limits import Bucket
from apps.securities.api.serializers import (
    NewSecuritySerializer,
    SecurityListQuery,
    SecuritySerializer,
    draft_from,
)
from apps.securities.models import Security
from apps.securities.selectors.securities import security, security_rows, security_view
from apps.securities.services.securities import create_security


def render(rows: list[Security]) -> list[Any]:
    """Rows of a page."""
    return list(SecuritySerializer(map(security_view, rows), many=True).data)


class SecuritiesView(View):
    """All securities."""

    required_roles = {"GET": ALL_ROLES, "POST": frozenset({Role.ISSUER.value})}
    reads_query = True
    throttle = Bucket.WRITES
    idempotency = Idempotency.OPTIONAL

    @extend_schema(
        operation_id="list_securities",
        tags=["securities"],
        parameters=[SecurityListQuery],
        responses=page_of(SecuritySerializer, SecurityListQuery),
    )
    def get(self, request: Request) -> Response:
        """Securities by ISIN."""
        return self.page(SecurityListQuery.read(request), security_rows(), render)

    @extend_schema(
        operation_id="create_security",
        tags=["securities"],
        request=NewSecuritySerializer,
        responses={201: SecuritySerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a security of the caller's own party; it is DRAFT until its token is live."""
        draft = draft_from(read_body(request, NewSecuritySerializer))
        view = create_security(actor=self.actor(request), draft=draft, now=clock.now())
        return Response(SecuritySerializer(view).data, status=201)


class SecurityDetailView(View):
    """One security."""

    required_roles = ALL_ROLES

    @extend_schema(operation_id="read_security", tags=["securities"], responses=SecuritySerializer)
    def get(self, request: Request, isin: str) -> Response:
        """The security with its trading terms."""
        return Response(SecuritySerializer(security(isin)).data)
