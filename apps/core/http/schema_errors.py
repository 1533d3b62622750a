"""Refusals in the OpenAPI document: which statuses an operation may answer, and what they look like."""

from typing import Any

from apps.core.http.codes import INVALID, KIT, ErrorCode, all_codes
from apps.core.http.examples import AT, ORIGIN
from apps.core.rate_limits import Bucket

REQUEST_ID = "0195c0d1-6f21-7a11-8d2e-1b2c3d4e5f60"
TEXT: dict[str, Any] = {"type": "string"}
FIELD_ERRORS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field", "code", "message"],
        "properties": {"field": TEXT, "code": TEXT, "message": TEXT},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "Why a request was refused. `error.code` is stable; a refused request has changed nothing.",
    "required": ["success", "timestamp", "error", "request_id"],
    "properties": {
        "success": {"type": "boolean", "enum": [False]},
        "timestamp": {"type": "string", "format": "date-time"},
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "context"],
            "properties": {
                "code": TEXT,
                "message": TEXT,
                "details": FIELD_ERRORS,
                "context": {"type": "object", "additionalProperties": {}},
            },
        },
        "request_id": TEXT,
    },
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "The same as a problem (RFC 9457), where Accept prefers it.",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "context", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "code": TEXT,
        "errors": FIELD_ERRORS,
        "context": {"type": "object", "additionalProperties": {}},
        "request_id": TEXT,
    },
}
SCHEMAS = {"ErrorEnvelope": ERROR, "Problem": PROBLEM}

# Status to its name in the document and what it means.
REFUSALS: dict[int, tuple[str, str]] = {
    400: ("Invalid", "A field or parameter is wrong, missing or unknown."),
    401: ("NotAuthenticated", "There is no valid login."),
    403: ("Forbidden", "The caller may not do this."),
    404: ("NotFound", "There is no such thing, or not for this caller."),
    406: ("NotAcceptable", "Answers are JSON."),
    409: ("Conflict", "It contradicts the present state."),
    413: ("TooLarge", "The body is too large."),
    415: ("UnsupportedMediaType", "Bodies are JSON."),
    422: ("Unprocessable", "The books do not allow it."),
    429: ("RateLimited", "Too many requests: wait for Retry-After."),
    503: ("Unavailable", "Not now: try again, after Retry-After where it is given."),
}
ALWAYS = {400, 406, 503}
GUARDED = {401, 403}
COMMANDS = {404, 409, 413, 415, 422}
# Parameters that may name what is not there.
NAMES = {"isin", "party_id"}
RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}


def components() -> dict[str, Any]:
    """Every refusal, to be referred to."""
    return {name: _response(status) for status, (name, _) in REFUSALS.items()}


def refusals_of(view: Any, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """References by status: what this operation may answer besides what it does."""
    statuses = ALWAYS | set(getattr(view, "refuses", ()))
    if not getattr(view, "public", False):
        statuses |= GUARDED
    if method != "GET":
        statuses |= COMMANDS
    if any(p["in"] == "path" or p["name"] in NAMES for p in operation.get("parameters", ())):
        statuses.add(404)
    if getattr(view, "throttle", None) is not Bucket.UNLIMITED:
        statuses.add(429)
    return {str(status): {"$ref": f"#/components/responses/{REFUSALS[status][0]}"} for status in sorted(statuses)}


def _typical(status: int) -> ErrorCode:
    """A code of this status: the kit's own, or some room's."""
    if status == 400:
        return INVALID
    return KIT.get(status) or next(code for code in all_codes().values() if code.status == status)


def _response(status: int) -> dict[str, Any]:
    code = _typical(status)
    details = [{"field": "limit", "code": "max_value", "message": "At most 500."}] if status == 400 else []
    facts: dict[str, Any] = {"code": code.code, "context": {}}
    envelope = {
        "success": False,
        "timestamp": AT,
        "error": facts | {"message": code.title, "details": details},
        "request_id": REQUEST_ID,
    }
    problem = facts | {
        "type": f"{ORIGIN}/api/docs/errors#{code.code}",
        "title": code.title,
        "status": status,
        "detail": code.title,
        "instance": "/api/dex/orders",
        "errors": details,
        "request_id": REQUEST_ID,
    }
    content = {
        "application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}, "example": envelope},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": problem},
    }
    response: dict[str, Any] = {"description": REFUSALS[status][1], "content": content}
    return response | ({"headers": RETRY_AFTER} if status in {429, 503} else {})
