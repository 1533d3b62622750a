"""Positions, to read."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.core.http.pagination import PAGE_PARAMETERS
from apps.core.http.schema import PAGE_QUERY, page_of
from apps.core.http.serializers import read_query
from apps.core.http.views import View
from apps.ledger.api.serializers import PositionQuerySerializer, PositionSerializer, render_position
from apps.ledger.selectors.balances import as_position
from apps.ledger.selectors.positions import positions_for


class PositionsView(View):
    """Positions."""

    required_roles = STAFF_ROLES | {Role.INVESTOR.value}
    reads_query = True

    @extend_schema(
        operation_id="list_positions",
        tags=["ledger"],
        parameters=[PositionQuerySerializer, *PAGE_QUERY],
        responses=page_of(PositionSerializer),
    )
    def get(self, request: Request) -> Response:
        """Securities and cash by wallet: an investor's own, all for operations and compliance."""
        query = read_query(request, PositionQuerySerializer, allow=PAGE_PARAMETERS)
        rows = positions_for(self.actor(request), **query)
        return self.page(request, rows, lambda row: render_position(as_position(row)))
