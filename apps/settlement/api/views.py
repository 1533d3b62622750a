"""Settlement instructions, to read."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.core.http.schema import page_of
from apps.core.http.views import View
from apps.settlement.api.rendering import renderer
from apps.settlement.api.serializers import (
    InstructionListQuery,
    InstructionSerializer,
    InstructionWithHistorySerializer,
    StatusEventSerializer,
)
from apps.settlement.selectors.instructions import instruction_for, instructions_for, view_of

READERS = STAFF_ROLES | {Role.INVESTOR.value}


class InstructionsView(View):
    """Instructions."""

    required_roles = READERS
    reads_query = True

    @extend_schema(
        operation_id="list_settlement_instructions",
        tags=["settlement"],
        parameters=[InstructionListQuery],
        responses=page_of(InstructionSerializer, InstructionListQuery),
    )
    def get(self, request: Request) -> Response:
        """Settlement instructions, newest first: an investor's own, all for operations and compliance."""
        asked, actor = InstructionListQuery.read(request), self.actor(request)
        shown = renderer(actor)

        def render(rows: list[Any]) -> list[Any]:
            return [InstructionSerializer(shown(view_of(row))).data for row in rows]

        return self.page(asked, instructions_for(actor), render)


class InstructionView(View):
    """One instruction."""

    required_roles = READERS

    @extend_schema(
        operation_id="get_settlement_instruction",
        tags=["settlement"],
        responses=InstructionWithHistorySerializer,
    )
    def get(self, request: Request, instruction_id: UUID) -> Response:
        """One settlement instruction with the history of its status."""
        actor = self.actor(request)
        view, history = instruction_for(actor, instruction_id)
        shown = renderer(actor)(view) | {"history": StatusEventSerializer(history, many=True).data}
        return Response(InstructionWithHistorySerializer(shown).data)
