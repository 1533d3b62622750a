"""Idempotency-Key: a command that may be sent again at will, and has one effect and one answer.

For a request with a key this is the door: it opens the unit of work that the view's service joins, so that the effect
and the answer kept for later commit together, or neither does. See docs/idempotency.md.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.core.errors import InvalidValue
from apps.core.idempotency import Answer, KeyedRequest, earlier_answer, keep_answer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
# Visible ASCII. Bare without comma (a header given twice arrives joined by one) and quotes; or quoted as in the
# IETF's draft (an RFC 8941 string), where a quote and a backslash are escaped.
BARE = re.compile(r"[!#-+\--~]{1,255}", re.ASCII)
QUOTED = re.compile(r'"((?:[!#-\[\]-~]|\\["\\]){1,510})"', re.ASCII)
LONGEST = 255


class Idempotency(StrEnum):
    """What a view says of the header, for all its methods that write, or each (a mapping)."""

    REQUIRED = "REQUIRED"  # what moves securities or money
    OPTIONAL = "OPTIONAL"
    NONE = "NONE"  # refused: whoever sends it would believe himself protected
    IGNORED = "IGNORED"  # what is sent names itself, and its sender reads no advice of ours

    @property
    def takes_key(self) -> bool:
        """Whether a key has a meaning here."""
        return self in {Idempotency.REQUIRED, Idempotency.OPTIONAL}


class IdempotencyKeyRequired(InvalidValue):
    """The command moves securities or money: it must be safe to send again."""

    code = "idempotency_key_required"
    message = "Send an Idempotency-Key header, new for each command, and the same one when you send it again."


class IdempotencyKeyInvalid(InvalidValue):
    """The header is no key."""

    code = "idempotency_key_invalid"
    message = "The Idempotency-Key must be given once: 1 to 255 visible ASCII characters, bare or in double quotes."


class IdempotencyKeyUnsupported(InvalidValue):
    """Nothing would be kept here."""

    code = "idempotency_key_unsupported"
    message = "This operation takes no Idempotency-Key, and would not be protected by one: leave it out."


class Guarded(Protocol):
    """A view as this door sees it."""

    def actor(self, request: Request) -> Actor:
        """Who is asking."""

    def get_renderer_context(self) -> dict[str, Any]:
        """What the renderer is told."""


class _NotASuccess(Exception):
    """Rolls back what a view did before it answered something else than a 2xx."""

    def __init__(self, response: HttpResponseBase) -> None:
        self.response = response


def policy_of(view: Any, method: str) -> Idempotency:
    """What the view (or its class) says of the header for this method."""
    declared: Idempotency | Mapping[str, Idempotency] = view.idempotency
    if isinstance(declared, Mapping):
        return declared.get(method.upper(), Idempotency.NONE)
    return declared


def guard(view: Guarded, request: Request) -> None:
    """Have the handler of this request run once a key; called when caller and role are known.

    Raises IdempotencyKeyRequired, IdempotencyKeyInvalid, IdempotencyKeyUnsupported.
    """
    method = str(request.method)
    handler = getattr(view, method.lower(), None)
    policy = policy_of(view, method)
    if handler is None or method in SAFE_METHODS or policy is Idempotency.IGNORED:
        return
    given = request.headers.get(HEADER)
    if given is None:
        if policy is Idempotency.REQUIRED:
            raise IdempotencyKeyRequired
        return
    if policy is Idempotency.NONE:
        raise IdempotencyKeyUnsupported
    setattr(view, method.lower(), partial(_once, view, handler, read_key(given)))


def read_key(given: str) -> str:
    """The key that the header's value names. Raises IdempotencyKeyInvalid."""
    value = given.strip(" \t")
    if BARE.fullmatch(value):
        return value
    quoted = QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else ""
    if not 1 <= len(key) <= LONGEST:
        raise IdempotencyKeyInvalid
    return key


def _once(
    view: Guarded, handler: Callable[..., HttpResponseBase], key: str, request: Request, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    """The earlier answer, or the handler's: its effect and its answer in one commit."""
    keyed = _keyed(view, key, request, kwargs)
    try:
        with unit_of_work():
            if earlier := earlier_answer(keyed):
                return _replay(earlier)
            response = _success(handler(request, *args, **kwargs))
            keep_answer(keyed, _rendered(view, request, response))
            return response
    except _NotASuccess as refusal:
        return refusal.response


def _success(response: HttpResponseBase) -> HttpResponseBase:
    """The response. Raises _NotASuccess for any but a 2xx."""
    if not 200 <= response.status_code < 300:
        raise _NotASuccess(response)
    return response


def _keyed(view: Guarded, key: str, request: Request, path: Mapping[str, Any]) -> KeyedRequest:
    """The request's name and content. The route is the pattern: one key names one thing, whichever path it has.

    For whom and in which roles they act is content: after a change of either, the former answer is not theirs to read.
    """
    match, actor = request.resolver_match, view.actor(request)
    if match is None:
        raise RuntimeError("a view has a route")
    said = [actor.party_id, sorted(actor.roles), path, request.data]
    content = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode()
    return KeyedRequest(
        principal=f"user:{actor.require_user()}",
        route=f"{request.method} /{match.route}",
        key=key,
        content=content,
    )


def _rendered(view: Guarded, request: Request, response: HttpResponseBase) -> Answer:
    """The answer in bytes, with the headers its view has set: all others belong to the request that is answered."""
    if isinstance(response, Response):
        response.accepted_renderer = request.accepted_renderer
        response.accepted_media_type = request.accepted_media_type
        response.renderer_context = view.get_renderer_context()  # type: ignore[attr-defined]
        response.render()
    if not isinstance(response, HttpResponse):
        raise TypeError("a stream cannot be kept")
    return Answer(response.status_code, dict(response.headers), response.content)


def _replay(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers={**answer.headers, REPLAYED: "true"})
