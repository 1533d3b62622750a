"""How long answers take, counted by route template: a handful of microseconds a request."""

import re
from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponse

from apps.core.instruments import errors_answered, request_latency, requests_in_progress

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN, NO_SUCH_ADDRESS = "unknown", "no_such_address"
REFUSED_FROM = 400
_CODE = re.compile(r"[a-z][a-z0-9_.]{0,63}")


class LatencyMiddleware:
    """Counts each request once, whatever becomes of it. No label holds what a caller made up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        requests_in_progress.inc()
        began, status = perf_counter(), 500
        try:
            response = self.get_response(request)
            status = response.status_code
            if status >= REFUSED_FROM and request.path_info.startswith("/api/"):
                errors_answered.labels(error_code(response), str(status)).inc()
            return response
        finally:
            method = request.method if request.method in METHODS else "other"
            seconds = perf_counter() - began
            request_latency.labels(route_of(request), method, f"{status // 100}xx").observe(seconds)
            requests_in_progress.dec()


def route_of(request: HttpRequest) -> str:
    """The template of the route that answered, as `/api/x/{isin}`; all addresses nobody answers are one."""
    match = request.resolver_match
    if match is None or not match.route or match.url_name == NO_SUCH_ADDRESS:
        return UNKNOWN
    return f"/{match.route}"


def error_code(response: HttpResponse) -> str:
    """The code in the envelope: as many as our own classes have."""
    data = getattr(response, "data", None)
    error = data.get("error", data) if isinstance(data, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "other"
