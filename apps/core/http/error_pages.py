"""What Django answers when no view did: the API's refusals to its clients, its own pages to browsers."""

import sys

from django.http import HttpRequest, HttpResponse
from django.views import defaults
from django.views.csrf import csrf_failure

from apps.core.db.failures import is_unavailable
from apps.core.http.codes import KIT
from apps.core.http.exceptions import refusal_of
from apps.core.http.middleware import is_api
from apps.core.http.problems import JSON, PROBLEM, Refusal, respond

# A database that restarts is back within seconds.
AGAIN = {"Retry-After": "1"}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413"""
    if _wants_json(request):
        return respond(request, refusal_of(exception))
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    if _wants_json(request):
        return respond(request, Refusal(KIT[403]))
    return defaults.permission_denied(request, exception)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without its CSRF token."""
    if _wants_json(request):
        return respond(request, Refusal(KIT[403]))
    return csrf_failure(request, reason)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    if _wants_json(request):
        return respond(request, Refusal(KIT[404]))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database is at fault: Django calls this while it handles the exception."""
    if (error := sys.exception()) and is_unavailable(error):
        return unavailable(request)
    if _wants_json(request):
        return respond(request, Refusal(KIT[500]))
    return defaults.server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: the database cannot be reached, or will not do it now."""
    if _wants_json(request):
        return respond(request, Refusal(KIT[503], headers=AGAIN))
    return HttpResponse("<h1>The service is briefly unavailable: try again.</h1>", status=503, headers=AGAIN)


def _wants_json(request: HttpRequest) -> bool:
    if is_api(request):
        return True
    try:
        return request.get_preferred_type(["text/html", JSON, PROBLEM]) in {JSON, PROBLEM}
    except (LookupError, ValueError):
        return False
