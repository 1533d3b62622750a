"""One representation, so negotiation only asks whether it is wanted. DRF's own knows no quality values."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from apps.core.http.problems import accepts_json


class JsonNegotiation(DefaultContentNegotiation):
    """JSON, or 406."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        if not accepts_json(request):
            raise NotAcceptable("Answers are JSON: send Accept: application/json, or none.")
        (renderer, *_) = renderers
        return renderer, renderer.media_type
