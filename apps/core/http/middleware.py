"""Middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core import request_id


class RequestIdMiddleware:
    """Puts a correlation id in force, answers it, and lets an API path end with a slash or without."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        value = request_id.begin(request.headers.get("X-Request-ID"))
        if request.path_info.startswith("/api/"):
            request.path_info = request.path_info.rstrip("/")
        response = self.get_response(request)
        response["X-Request-ID"] = value
        return response
