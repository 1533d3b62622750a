"""Every operation of the API: found in the URLconf, with what the OpenAPI document says of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, get_resolver
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from apps.accounts.types import ALL_ROLES
from apps.core.http.idempotency import Idempotency, policy_of
from apps.core.http.views import NoSuchAddress

METHODS = ("get", "post", "put", "patch", "delete")
# Pages for people.
UNDESCRIBED = {"/api/docs", "/api/docs/errors", "/api/redoc", "/api/redoc/script"}
# Outside parties sign what they send here: apps/core/tests/test_webhooks.py spoils it as they would.
SIGNED = {"/api/webhooks/{provider}"}
FORMATS = FormatChecker(formats=("uuid",))
FORMATS.checks("date-time", raises=ValueError)(lambda value: not isinstance(value, str) or parse_datetime(value))
FORMATS.checks("date", raises=ValueError)(lambda value: not isinstance(value, str) or parse_date(value))


@dataclass(frozen=True)
class Operation:
    """A method of an address. `path` has its parameters in braces; `roles` is None where no login is needed."""

    method: str
    path: str
    name: str
    roles: frozenset[str] | None
    body: dict[str, Any] | None
    query: dict[str, dict[str, Any]]
    headers: dict[str, dict[str, Any]]
    idempotency: Idempotency

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """Each field of the body with its schema."""
        return self.body["properties"] if self.body else {}

    @property
    def writes(self) -> bool:
        """Whether it is there to change something."""
        return self.method != "get"

    @property
    def takes_key(self) -> bool:
        """Whether it may be sent with an Idempotency-Key."""
        return self.writes and self.idempotency.takes_key

    @property
    def role(self) -> str | None:
        """One of the roles that may."""
        return min(self.roles) if self.roles else None

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether the document allows the value."""
    return Draft202012Validator(schema, format_checker=FORMATS).is_valid(value)


@cache
def operations() -> tuple[Operation, ...]:
    """All that are routed, but for the pages about the API. Raises LookupError for one the document misses."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return tuple(
        _operation(document, method, path, view)
        for path, view in sorted(routes(), key=lambda route: route[0])
        if path not in UNDESCRIBED | SIGNED
        for method in METHODS
        if hasattr(view, method)
    )


def routes() -> Iterator[tuple[str, type]]:
    """(path, view class) of every route under /api/."""
    yield from _walk(get_resolver().url_patterns, "/")


def _walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, type]]:
    for entry in patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if not isinstance(entry, URLPattern):
            yield from _walk(entry.url_patterns, path)
        elif path.startswith("/api") and (view := _view_of(entry)) is not NoSuchAddress:
            yield path, view


def _view_of(entry: URLPattern) -> type:
    found = getattr(entry.callback, "cls", None) or getattr(entry.callback, "view_class", None)
    if found is None:
        raise LookupError(f"not a class-based view: {entry}")
    return found


def _operation(document: dict[str, Any], method: str, path: str, view: type) -> Operation:
    try:
        found = document["paths"][path][method]
    except KeyError:
        raise LookupError(f"not in the OpenAPI document: {method.upper()} {path}") from None
    content = found.get("requestBody", {}).get("content", {})
    query = {p["name"]: inlined(document, p["schema"]) for p in found.get("parameters", ()) if p["in"] == "query"}
    body = inlined(document, content["application/json"]["schema"]) if content else None
    headers = {p["name"]: p for p in found.get("parameters", ()) if p["in"] == "header"}
    roles, policy = _roles(view, method), policy_of(view, method)
    return Operation(method, path, found["operationId"], roles, body, query, headers, policy)


def _roles(view: Any, method: str) -> frozenset[str] | None:
    if view.public:
        return None
    roles = view.required_roles
    return frozenset(roles[method.upper()] if isinstance(roles, dict) else roles)


def inlined(document: dict[str, Any], schema: Any) -> Any:
    """The schema with every reference replaced by what it refers to."""
    if isinstance(schema, list):
        return [inlined(document, part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        _, room, kind, name = reference.split("/")
        return inlined(document, document[room][kind][name])
    return {key: inlined(document, part) for key, part in schema.items()}


def wrong_roles(operation: Operation) -> list[str]:
    """Roles that may not."""
    return sorted(ALL_ROLES - (operation.roles or ALL_ROLES))
