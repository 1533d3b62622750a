"""The OpenAPI document tells the envelope that every answer wears, and the shape of a page."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from apps.core.http.filters import ListQuery


def page_of(row: type[serializers.Serializer[Any]], query: type[ListQuery]) -> serializers.Serializer[Any]:
    """The answer of a view that returns `self.page(...)`, for `extend_schema(responses=...)`."""
    link: dict[str, Any] = {"allow_null": True, "help_text": "The address of the neighbouring page, or null."}
    fields = {
        "results": row(many=True),
        "next": serializers.URLField(**link),
        "prev": serializers.URLField(**link),
        "has_more": serializers.BooleanField(help_text="Whether there is a next page."),
    }
    if query.sequence:
        said = "What the list had come to; sent back as a parameter, it shows the list as it is now."
        fields["as_of_sequence"] = serializers.IntegerField(help_text=said)
    return inline_serializer(name=f"{row.__name__.removesuffix('Serializer')}Page", fields=fields)


FIELD_ERRORS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field", "code", "message"],
        "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["success", "timestamp", "error", "request_id"],
    "properties": {
        "success": {"type": "boolean", "enum": [False]},
        "timestamp": {"type": "string", "format": "date-time"},
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "context"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": FIELD_ERRORS,
                "context": {"type": "object"},
            },
        },
        "request_id": {"type": "string"},
    },
}
# RFC 9457, where Accept prefers it.
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "context", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "errors": FIELD_ERRORS,
        "context": {"type": "object"},
        "request_id": {"type": "string"},
    },
}


def wrap_in_envelope(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put each 2xx JSON schema under `data`, and give each operation the error envelope (a post-processing hook)."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update({"ErrorEnvelope": ERROR, "Problem": PROBLEM})
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                _wrap(operation["responses"])
    return result


def _wrap(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        body = response.get("content", {}).get("application/json")
        if body and status.startswith("2"):
            body["schema"] = _success(body.get("schema", {}))
    error = {
        "application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    }
    responses.setdefault("default", {"description": "Refused: see error.code.", "content": error})


def _success(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["success", "timestamp", "data"],
        "properties": {
            "success": {"type": "boolean", "enum": [True]},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
