"""Settlement instructions, to read."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.types import STAFF_ROLES, Role
from apps.core.http.pagination import PAGE_PARAMETERS
from apps.core.http.schema import PAGE_QUERY, page_of
from apps.core.http.serializers import read_query
from apps.core.http.views import View
from apps.settlement.api.rendering import renderer
from apps.settlement.api.serializers import (
    InstructionQuerySerializer,
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
        parameters=[InstructionQuerySerializer, *PAGE_QUERY],
        responses=page_of(InstructionSerializer),
    )
    def get(self, request: Request) -> Response:
        """Settlement instructions, newest first: an investor's own, all for operations and compliance."""
        query = read_query(request, InstructionQuerySerializer, allow=PAGE_PARAMETERS)
        actor = self.actor(request)
        render = renderer(actor)
        return self.page(
            request, instructions_for(actor, **query), lambda row: InstructionSerializer(render(view_of(row))).data
        )


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
