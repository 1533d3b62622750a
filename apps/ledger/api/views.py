"""Positions, to read."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.core.http.schema import page_of
from apps.core.http.views import View
from apps.ledger.api.serializers import PositionListQuery, PositionSerializer, render_position
from apps.ledger.selectors.balances import as_position
from apps.ledger.selectors.positions import positions_for


class PositionsView(View):
    """Positions."""

    required_roles = STAFF_ROLES | {Role.INVESTOR.value}
    reads_query = True

    @extend_schema(
        operation_id="list_positions",
        tags=["ledger"],
        parameters=[PositionListQuery],
        responses=page_of(PositionSerializer, PositionListQuery),
    )
    def get(self, request: Request) -> Response:
        """Securities and cash by wallet: an investor's own, all for operations and compliance."""
        asked = PositionListQuery.read(request)
        whose = {name: asked.get(name) for name in ("party_id", "isin", "asset")}
        rows = positions_for(self.actor(request), **whose)
        return self.page(asked, rows, lambda found: [render_position(as_position(row)) for row in found])
