"""Pages by cursor: stable while rows are added, and never a count."""

import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

NO_CURSOR = "The cursor is not one of ours."
LIMIT = re.compile(r"[0-9]{1,4}", re.ASCII)
PAGE_PARAMETERS = ("cursor", "limit")


class Newest(CursorPagination):
    """Newest first. `limit` (at most 500) and the opaque `cursor` of `next` and `previous`."""

    ordering = "-id"
    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor asked for. Raises ParseError for what this paginator would never have written."""
        asked = request.query_params.get(self.cursor_query_param)
        if asked is None:
            return None
        try:
            text = b64decode(asked, validate=True).decode("ascii")
            known = {name for name, _ in parse_qsl(text, strict_parsing=True)} <= {"o", "r", "p"}
            found = super().decode_cursor(request)
        except (ValueError, NotFound) as error:
            raise ParseError(NO_CURSOR) from error
        if not known:
            raise ParseError(NO_CURSOR)
        return found

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """One page. A cursor nobody was given is the client's mistake."""
        try:
            return super().paginate_queryset(queryset, request, view=view)
        except (ValueError, ValidationError) as error:
            raise ParseError(NO_CURSOR) from error

    def get_page_size(self, request: Request) -> int:
        """The limit asked for. Raises ParseError for what is not 1 to 500, in plain digits."""
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not LIMIT.fullmatch(asked) or not 1 <= int(asked) <= self.max_page_size:
            raise ParseError(f"The limit must be 1 to {self.max_page_size}.")
        return int(asked)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})
