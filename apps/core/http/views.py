"""Bases of the API's views."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actor import Actor
from apps.core.db import with_reruns
from apps.core.errors import NotFound
from apps.core.http.filters import Listing
from apps.core.http.idempotency import Idempotency, guard
from apps.core.http.negotiation import JsonNegotiation
from apps.core.http.serializers import StrictSerializer, read_query
from apps.core.http.throttles import Throttled
from apps.core.rate_limits import Bucket


class View(Throttled):
    """An API view. It declares `required_roles`, or `public = True`, and makes one domain call."""

    content_negotiation_class = JsonNegotiation
    public: ClassVar[bool] = False
    required_roles: ClassVar[frozenset[str] | dict[str, frozenset[str]]] = frozenset()
    # Statuses of refusals that the OpenAPI document could not guess.
    refuses: ClassVar[frozenset[int]] = frozenset()
    # Whether get() reads the query string, with read_query(). All else refuses any parameter.
    reads_query: ClassVar[bool] = False
    # What an Idempotency-Key does to the methods that write: each view that has any says so.
    idempotency: ClassVar[Idempotency | dict[str, Idempotency]] = Idempotency.NONE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what nothing would read, before anything is done; with a key, have it done once."""
        if request.method == "OPTIONS":
            return
        super().initial(request, *args, **kwargs)
        if not self._answers(str(request.method)):
            self.http_method_not_allowed(request)
        if request.query_params and not (self.reads_query and request.method in {"GET", "HEAD"}):
            read_query(request, StrictSerializer)
        guard(self, request)
        self._run_again_if_undone(str(request.method).lower())

    def _answers(self, method: str) -> bool:
        return method.lower() in self.http_method_names and hasattr(self, method.lower())

    def _run_again_if_undone(self, method: str) -> None:
        """Put the outermost door around the method's handler, and around the key's if there is one."""
        if handler := getattr(self, method, None):
            setattr(self, method, lambda *args, **kwargs: with_reruns(partial(handler, *args, **kwargs)))

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Which methods there are, to anyone: `Allow` says it, and the OpenAPI document everything else."""
        return HttpResponse(status=204)

    def actor(self, request: Request) -> Actor:
        """Who is asking."""
        if not isinstance(request.auth, Actor):
            raise TypeError("a public view has no actor")
        return request.auth

    def page(self, asked: Listing, rows: QuerySet[Any], render: Callable[[list[Any]], Iterable[Any]]) -> Response:
        """The page asked for of rows the caller may see; `render` makes the answer of all of a page's rows at once."""
        who = self.actor(asked.request)
        asked_by = [who.user_id, who.party_id, sorted(who.roles)]
        return Response(asked.answer(rows, asked_by=asked_by, render=render))


@extend_schema(exclude=True)
class NoSuchAddress(View):
    """Whatever under /api/ no room answers: a 404 in the envelope, also while debugging."""

    public = True
    authentication_classes = []
    # Nothing is done here that would be worth counting.
    throttle = Bucket.UNLIMITED

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before the method is looked at."""
        raise NotFound("There is no such address. See /api/docs.")
