"""A page that the database could not be asked for is no fault of ours: 503, and when to come again."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.db.failures import is_unavailable
from apps.core.http.error_pages import unavailable


class OutageMiddleware:
    """Answers for views that are not the API's (the officers' pages); the API's answer for themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """503 for an outage; anything else is Django's to handle."""
        return unavailable(request) if is_unavailable(exception) else None
