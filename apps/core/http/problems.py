"""A refusal and its two faces: the envelope, and a problem (RFC 9457) where Accept prefers one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from rest_framework.renderers import JSONRenderer

from apps.core import request_id
from apps.core.http.codes import ErrorCode
from apps.core.http.envelope import error_envelope

JSON, PROBLEM = "application/json", "application/problem+json"
# By which names Accept allows an answer of ours.
_OURS = {("application", "json"), ("application", "problem+json"), ("application", "*"), ("*", "*")}
_renderer = JSONRenderer()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered: `details` per field as {field, code, message}, `context` as facts of the occasion."""

    code: ErrorCode
    message: str = ""
    details: list[dict[str, str]] = field(default_factory=list)
    context: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(HttpResponse):
    """The answer; `data` is its body before it became JSON."""

    def __init__(self, refusal: Refusal, data: dict[str, Any], content_type: str) -> None:
        content = _renderer.render(data)
        headers = {**refusal.headers, "Content-Length": str(len(content))}
        super().__init__(content, content_type=content_type, status=refusal.code.status, headers=headers)
        self.data = data


def respond(request: HttpRequest, refusal: Refusal) -> Refused:
    """The refusal as an answer to this request."""
    if prefers_problem(request):
        return Refused(refusal, _problem(request, refusal), PROBLEM)
    return Refused(refusal, _envelope(refusal), JSON)


def prefers_problem(request: HttpRequest) -> bool:
    """Whether Accept names application/problem+json with at least the quality it gives application/json.

    Clients that name both equally mean the one for errors and the other for the rest. A wildcard names nothing.
    """
    try:
        quality = {str(wanted).partition(";")[0]: wanted.quality for wanted in reversed(request.accepted_types)}
    except (LookupError, ValueError):  # an Accept header beyond reading: refused as malformed, in the envelope
        return False
    return PROBLEM in quality and quality[PROBLEM] >= quality.get(JSON, 0)


def accepts_json(request: HttpRequest) -> bool:
    """Whether Accept allows an answer of ours. One who names problems only wants JSON when all is well.

    Parameters are not looked at (JSON has no charset to choose), and an empty header asks for nothing in particular.
    """
    if not request.headers.get("Accept", "").strip():
        return True
    kinds = {(wanted.main_type, wanted.sub_type) for wanted in request.accepted_types}
    return not kinds.isdisjoint(_OURS)


def _envelope(refusal: Refusal) -> dict[str, Any]:
    message = refusal.message or refusal.code.title
    return error_envelope(refusal.code.code, message, refusal.details, dict(refusal.context))


def _problem(request: HttpRequest, refusal: Refusal) -> dict[str, Any]:
    return {
        "type": refusal.code.address,
        "title": refusal.code.title,
        "status": refusal.code.status,
        "detail": refusal.message or refusal.code.title,
        "instance": escape_uri_path(request.path),
        "code": refusal.code.code,
        "errors": refusal.details,
        "context": dict(refusal.context),
        "request_id": request_id.current(),
    }
