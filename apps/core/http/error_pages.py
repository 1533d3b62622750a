"""What Django answers when no view did: the envelope under /api/, its own pages elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from apps.core.http.exceptions import json_error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400"""
    if request.path.startswith("/api/"):
        return json_error(400, "The request is malformed.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    if request.path.startswith("/api/"):
        return json_error(403, "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    if request.path.startswith("/api/"):
        return json_error(404, "There is no such address. See /api/docs.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500"""
    if request.path.startswith("/api/"):
        return json_error(500, "Something went wrong on our side. Quote the request id to support.")
    return defaults.server_error(request)
