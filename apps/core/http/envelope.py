"""The one shape of every API answer."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

from apps.core import clock, request_id


def success_envelope(data: Any) -> dict[str, Any]:
    """`{"success": true, "timestamp", "data"}`"""
    return {"success": True, "timestamp": clock.now(), "data": data}


def error_envelope(code: str, message: str, details: list[dict[str, str]], context: dict[str, Any]) -> dict[str, Any]:
    """`{"success": false, "timestamp", "error": {"code", "message", "details": [], "context": {}}, "request_id"}`"""
    return {
        "success": False,
        "timestamp": clock.now(),
        "error": {"code": code, "message": message, "details": details, "context": context},
        "request_id": request_id.current(),
    }


class EnvelopeRenderer(JSONRenderer):
    """JSON in the envelope. Errors are no business of a renderer: see problems.respond()."""

    ensure_ascii = False

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return bytes(super().render(success_envelope(data), accepted_media_type, renderer_context))
