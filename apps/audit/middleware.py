"""Reading leaves a trace: who was shown whose data, and who was refused."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from django.contrib.admin.utils import unquote
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.audit.services.access import MANY, record_access_refused, record_data_viewed
from apps.core import disclosure
from apps.core.actor import Actor
from apps.core.db.failures import is_unavailable
from apps.core.http.error_pages import unavailable
from apps.core.http.exceptions import refusal_of
from apps.core.http.middleware import is_api
from apps.core.http.problems import respond

NOBODY = UUID(int=0)


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
        record_access_refused(actor=actor, page=page, object_id=object_id, method=str(request.method))
    # Who made something and is shown what they made has their own act on record.
    if others and response.status_code != HTTPStatus.CREATED:
        record_data_viewed(actor=actor, page=page, object_id=object_id, subjects=others)


def _place(request: HttpRequest) -> tuple[str, str]:
    """The page's name in the URLconf, and the id in its address."""
    match = request.resolver_match
    if match is None:
        return "unknown", MANY
    named = [*match.args, *match.kwargs.values()]
    return match.view_name.replace("/", "_"), unquote(str(named[0])) if named else MANY
