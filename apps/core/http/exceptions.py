"""Every refusal becomes one envelope; the HTTP status of a business error is decided here and nowhere else."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions as drf
from rest_framework.response import Response

from apps.core.db.constraints import translated
from apps.core.errors import DomainError, Kind
from apps.core.http.envelope import error_envelope
from apps.core.http.parsers import BodyTooLarge

log = logging.getLogger(__name__)

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}
# RFC 9110: a 401 says how to authenticate.
CHALLENGE = 'Bearer realm="bookentry"'
CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


def handle(error: Exception, _context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    if isinstance(error, IntegrityError) and (refusal := translated(error)):
        error = refusal
    if isinstance(error, DomainError):
        return _answer(STATUS[error.kind], error.code, error.message, dict(error.details), _domain_headers(error))
    if isinstance(error, drf.ValidationError):
        return _answer(400, "invalid", "Some fields are not valid.", _field_errors(error.detail))
    error = _as_api_exception(error)
    if isinstance(error, drf.APIException):
        headers = _headers(error)
        return _answer(error.status_code, CODES.get(error.status_code, "error"), str(error.detail), {}, headers)
    if isinstance(error, OperationalError | InterfaceError):
        log.error("database unavailable", exc_info=error)
        return _answer(503, "unavailable", "The service is briefly unavailable: try again.", {}, {"Retry-After": "1"})
    log.error("unhandled error", exc_info=error)
    return _answer(500, "internal_error", "Something went wrong on our side. Quote the request id to support.", {})


def _domain_headers(error: DomainError) -> dict[str, str]:
    headers = dict(error.headers)
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = CHALLENGE
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def _as_api_exception(error: Exception) -> Exception:
    """Django's own refusals in DRF's words."""
    if isinstance(error, Http404):
        return drf.NotFound()
    if isinstance(error, PermissionDenied):
        return drf.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    return error


def _headers(error: drf.APIException) -> dict[str, str]:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _answer(status: int, code: str, message: str, details: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(error_envelope(code, message, details), status=status, headers=headers or {})


def _field_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Flatten DRF's nested errors into `[{field, code, message}]`."""
    if isinstance(detail, dict):
        return [e for key, value in detail.items() for e in _field_errors(value, f"{path}.{key}".strip("."))]
    if isinstance(detail, list):
        return [e for value in detail for e in _field_errors(value, path)]
    return [{"field": path, "code": getattr(detail, "code", "invalid"), "message": str(detail)}]


def json_error(status: int, message: str) -> HttpResponse:
    """An error raised outside any API view (no route, bad request line), in the same envelope."""
    return JsonResponse(error_envelope(CODES[status], message), status=status)
