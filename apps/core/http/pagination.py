"""Pages by cursor: stable while rows are added, and never a count."""

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

PAGE_PARAMETERS = ("cursor", "limit")


class Newest(CursorPagination):
    """Newest first. `limit` (at most 500) and the opaque `cursor` of `next` and `previous`."""

    ordering = "-id"
    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }
