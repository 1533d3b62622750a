"""Middleware."""

from collections.abc import Callable

from django.core.signals import request_finished
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from apps.core import request_id
from apps.core.http.door import refuse_malformed
from apps.core.http.exceptions import refusal_of
from apps.core.http.problems import respond

Answer = Callable[[HttpRequest], HttpResponseBase]
request_finished.connect(request_id.end, dispatch_uid="request_id")


def is_api(request: HttpRequest) -> bool:
    """Whether the API is asked, under any of its addresses."""
    return f"{request.path_info}/".startswith("/api/")


class RequestIdMiddleware:
    """Outermost: puts a correlation id in force, and answers it whatever becomes of the request.

    It lasts until the answer is sent: Django logs a refusal after all middleware.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        value = request_id.begin(request.headers.get("X-Request-ID"))
        response = self.get_response(request)
        response["X-Request-ID"] = value
        return response


class ApiMiddleware:
    """The API's door: refuses what is malformed, lets an address end with a slash or without, and is never cached."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.get_response(request)
        response = self._answer(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["Accept"])
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        try:
            refuse_malformed(request)
        except Exception as error:  # noqa: BLE001 (one mapping for all)
            return respond(request, refusal_of(error))
        request.path_info = request.path_info.removesuffix("/")
        return self.get_response(request)
