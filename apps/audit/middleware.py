"""Reading leaves a trace: who was shown whose data, and who was refused."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from django.contrib.admin.utils import unquote
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.audit.services.access import MANY, record_access_refused, record_data_viewed
from apps.audit.services.refusals import record_refusal
from apps.core import disclosure, request_id
from apps.core.actor import Actor
from apps.core.db.failures import is_unavailable
from apps.core.http.client import client_address, client_agent
from apps.core.http.error_pages import unavailable
from apps.core.http.exceptions import refusal_of
from apps.core.http.middleware import is_api
from apps.core.http.problems import respond

log = logging.getLogger(__name__)

NOBODY = UUID(int=0)
# Whoever is refused so can be so as often as they like.
UNBOUNDED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})


class AccessIsRecorded:
    """Innermost: records what an answer shows of others before it is given. What cannot be recorded is not shown.

    It sees every page and every answer of the API. What is streamed after the answer has begun records itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with disclosure.noting() as subjects:
            response = self.get_response(request)
        actor = actor_of(request)
        if response.status_code in UNBOUNDED:
            _record_refusal(request, response.status_code, actor)
        if actor is None or actor.user_id is None:
            return response
        try:
            _record(request, response, actor, {each for each in subjects if each not in _own(actor)})
        except Exception as error:
            if is_api(request):
                return respond(request, refusal_of(error))
            if is_unavailable(error):
                return unavailable(request)
            raise
        return response


def actor_of(request: HttpRequest) -> Actor | None:
    """Who asked the API (its authentication says so) or the officers' site, if they are known."""
    found = vars(request).get("auth") or vars(request).get("officer")
    return found if isinstance(found, Actor) else None


def _own(actor: Actor) -> tuple[UUID | None, ...]:
    return actor.user_id, actor.party_id, NOBODY


def _record(request: HttpRequest, response: HttpResponseBase, actor: Actor, others: set[UUID]) -> None:
    page, object_id = _place(request)
    if response.status_code == HTTPStatus.FORBIDDEN:
        record_access_refused(
            actor=actor, page=page, object_id=object_id, method=str(request.method), status=response.status_code
        )
    # Who made something and is shown what they made has their own act on record.
    if others and response.status_code != HTTPStatus.CREATED:
        record_data_viewed(actor=actor, page=page, object_id=object_id, subjects=others)


def _record_refusal(request: HttpRequest, status: int, actor: Actor | None) -> None:
    """Nothing was shown: the refusal stands whether it can be recorded or not."""
    if actor is None and not _is_to_record(request, status):
        return
    who = actor or Actor(
        user_id=None,
        party_id=None,
        request_id=request_id.current(),
        ip_address=client_address(request),
        user_agent=client_agent(request),
    )
    page, object_id = _place(request)
    try:
        record_refusal(actor=who, page=page, object_id=object_id, method=str(request.method), status=status)
    except (DatabaseError, InterfaceError) as error:
        log.warning("a refusal is not recorded", extra={"status": status, "error": type(error).__name__})


def _is_to_record(request: HttpRequest, status: int) -> bool:
    """Of nobody known. What a public address refuses, as the login does, its service records itself.

    Whoever asks too often with a login is known, and recorded, when they are counted.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "Authorization" not in request.headers
    view = getattr(request.resolver_match and request.resolver_match.func, "cls", None)
    return not getattr(view, "public", False)


def _place(request: HttpRequest) -> tuple[str, str]:
    """The page's name in the URLconf, and the id in its address."""
    match = request.resolver_match
    if match is None:
        return "unknown", MANY
    named = [*match.args, *match.kwargs.values()]
    return match.view_name.replace("/", "_"), unquote(str(named[0])) if named else MANY
