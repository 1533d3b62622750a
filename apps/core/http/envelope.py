"""The one shape of every API answer."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

from apps.core import clock, request_id


def success_envelope(data: Any) -> dict[str, Any]:
    """`{"success": true, "timestamp", "data"}`"""
    return {"success": True, "timestamp": clock.now(), "data": data}


def error_envelope(code: str, message: str, details: Any = None) -> dict[str, Any]:
    """`{"success": false, "timestamp", "error": {"code", "message", "details"}, "request_id"}`"""
    return {
        "success": False,
        "timestamp": clock.now(),
        "error": {"code": code, "message": message, "details": details or {}},
        "request_id": request_id.current(),
    }


class EnvelopeRenderer(JSONRenderer):
    """JSON in the envelope. The exception handler has already put errors into theirs."""

    ensure_ascii = False

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        body = data if getattr(response, "exception", False) else success_envelope(data)
        return bytes(super().render(body, accepted_media_type, renderer_context))
