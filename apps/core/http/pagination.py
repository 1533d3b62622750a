"""Pages by cursor: stable while rows are added, and never a count."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

PAGE_PARAMETERS = ("cursor", "limit")


class Newest(CursorPagination):
    """Newest first. `limit` (at most 500) and the opaque `cursor` of `next` and `previous`."""

    ordering = "-id"
    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """One page. A cursor nobody was given is the client's mistake."""
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except (ValueError, ValidationError) as error:
            raise ParseError("The cursor is not one of ours.") from error

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})
