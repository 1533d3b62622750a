"""Every exception becomes one refusal; the HTTP status of an error is decided here and nowhere else."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf

from apps.core.db.constraints import translated
from apps.core.db.failures import is_unavailable
from apps.core.errors import DomainError, Kind
from apps.core.http.codes import INVALID, KIT, describe
from apps.core.http.problems import JSON, Refusal, respond

log = logging.getLogger(__name__)

# RFC 9110: a 401 says how to authenticate.
CHALLENGE = 'Bearer realm="bookentry"'
LONGEST = 200  # characters of a message that may quote the request
# Django's own exceptions, the narrower first.
DJANGO = (
    (Http404, 404),
    (PermissionDenied, 403),
    (RequestDataTooBig, 413),
    (SuspiciousOperation, 400),
    (BadRequest, 400),
    (MultiPartParserError, 400),
    (UnreadablePostError, 400),
)


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler."""
    return respond(context["request"], refusal_of(error))


def refusal_of(error: Exception) -> Refusal:
    """What this exception means to the client. What nobody foresaw is logged, and says nothing."""
    if isinstance(error, IntegrityError) and (refusal := translated(error)):
        error = refusal
    if isinstance(error, DomainError):
        return Refusal(describe(error), error.message, context=error.context, headers=_domain_headers(error))
    if isinstance(error, drf.ValidationError):
        return Refusal(INVALID, details=field_errors(error.detail))
    if isinstance(error, drf.APIException) and error.status_code in KIT:
        return Refusal(KIT[error.status_code], str(error.detail)[:LONGEST], headers=_api_headers(error))
    for kind, status in DJANGO:
        if isinstance(error, kind):
            return Refusal(KIT[status])
    if is_unavailable(error):
        log.error("database unavailable", exc_info=error)
        return Refusal(KIT[503], headers={"Retry-After": "1"})
    log.error("unhandled error", exc_info=error)
    return Refusal(KIT[500])


def _domain_headers(error: DomainError) -> dict[str, str]:
    headers = dict(error.headers)
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = CHALLENGE
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def _api_headers(error: drf.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if isinstance(error, drf.UnsupportedMediaType):
        headers["Accept"] = JSON
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def field_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Flatten DRF's nested errors into `[{field, code, message}]`; a field of the third row is `rows.2.field`."""
    if isinstance(detail, dict):
        return [e for key, value in detail.items() for e in field_errors(value, f"{path}.{key}".strip("."))]
    if isinstance(detail, list):
        rows = any(isinstance(value, dict | list) for value in detail)
        return [
            e
            for at, value in enumerate(detail)
            for e in field_errors(value, f"{path}.{at}".strip(".") if rows else path)
        ]
    return [{"field": path, "code": getattr(detail, "code", "invalid"), "message": str(detail)}]
