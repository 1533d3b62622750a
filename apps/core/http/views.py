"""Bases of the API's views."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.http.pagination import Newest
from apps.core.http.serializers import StrictSerializer, read_query
from apps.core.http.throttles import Throttled
from apps.core.rate_limits import Bucket


class View(Throttled):
    """An API view. It declares `required_roles`, or `public = True`, and makes one domain call."""

    public: ClassVar[bool] = False
    required_roles: ClassVar[frozenset[str] | dict[str, frozenset[str]]] = frozenset()
    # Whether get() reads the query string, with read_query(). All else refuses any parameter.
    reads_query: ClassVar[bool] = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse parameters that nothing would read, before anything is done."""
        super().initial(request, *args, **kwargs)
        if not (self.reads_query and request.method in {"GET", "HEAD"}):
            read_query(request, StrictSerializer)

    def actor(self, request: Request) -> Actor:
        """Who is asking."""
        if not isinstance(request.auth, Actor):
            raise TypeError("a public view has no actor")
        return request.auth

    def page(self, request: Request, rows: Any, render: Callable[[Any], Any], ordering: str = "-id") -> Response:
        """One page of a queryset, each row rendered."""
        paginator = Newest()
        paginator.ordering = ordering
        found: list[Any] = paginator.paginate_queryset(rows, request, view=self) or []
        return paginator.get_paginated_response([render(row) for row in found])


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
