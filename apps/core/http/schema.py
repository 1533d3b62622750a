"""The OpenAPI document: the envelope every answer wears, refusals, pages, and an example of everything."""

import re
from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from apps.core.http import schema_fields  # noqa: F401 (registers itself)
from apps.core.http.examples import AT, PARAMETERS, Example, all_examples
from apps.core.http.filters import ListQuery
from apps.core.http.schema_errors import SCHEMAS, components, refusals_of

JSON = "application/json"
DONE = {"200": "Done.", "201": "Made.", "202": "Accepted: it will be done.", "503": "A part that is needed fails."}
# What spectacular says of choices that have no label of their own.
UNTOLD = re.compile(r"\n*(?:^\* `([^`]+)` - \1$\n?)+", re.MULTILINE)


class Schema(AutoSchema):
    """What the document says of one operation."""

    def get_operation(self, path: str, *rest: Any) -> dict[str, Any] | None:
        """With how the operation may be refused; None where the document leaves it out."""
        operation: dict[str, Any] | None = super().get_operation(path, *rest)
        if operation:
            for status, refusal in refusals_of(self.view, self.method, operation).items():
                operation["responses"].setdefault(status, refusal)
        return operation

    def get_summary(self) -> str:
        """The operation's name as words."""
        return str(self.get_operation_id()).replace("_", " ").capitalize()

    def get_description(self) -> str:  # type: ignore[override]
        """The method's own words, and who may call it."""
        said, method = super().get_description(), self.method
        roles: Any = getattr(self.view, "required_roles", frozenset())
        roles = roles.get(method, frozenset()) if isinstance(roles, dict) else roles
        return f"{said}\n\nRoles: {', '.join(sorted(roles))}." if roles else said


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


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What every operation has in common (a post-processing hook). Raises LookupError for one without an example."""
    parts = result.setdefault("components", {})
    parts.setdefault("schemas", {}).update(SCHEMAS)
    parts["responses"] = components()
    examples = all_examples()
    for path in result.get("paths", {}).values():
        for operation in path.values():
            try:
                _complete(operation, examples[operation["operationId"]])
            except KeyError:
                raise LookupError(f"no example of {operation.get('operationId')}: see api/examples.py") from None
    _close_requests(result)
    _drop_untold_choices(result)
    return result


def _complete(operation: dict[str, Any], example: Example) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["schema"].get("type") == "array":
            # One parameter, with commas: a repeated one is refused.
            parameter |= {"style": "form", "explode": False}
        if parameter["in"] == "path" or parameter.get("required"):
            parameter["example"] = PARAMETERS[parameter["name"]]
    if body := operation.get("requestBody", {}).get("content", {}).get(JSON):
        body["example"] = dict(example.request or {})
    for status, response in operation["responses"].items():
        if "$ref" in response:
            continue
        response["description"] = response.get("description") or DONE.get(status, "")
        if body := response.get("content", {}).get(JSON):
            data = example.others.get(int(status), example.answer)
            body["example"] = data if example.bare else _enveloped(data)
            if not example.bare:
                body["schema"] = _success(body.get("schema", {}))


def _enveloped(data: Any) -> dict[str, Any]:
    return {"success": True, "timestamp": AT, "data": data}


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


def _close_requests(result: dict[str, Any]) -> None:
    """Say of each body, and of objects within, that unknown fields are refused."""
    schemas = result["components"]["schemas"]
    waiting = [
        operation["requestBody"]
        for path in result.get("paths", {}).values()
        for operation in path.values()
        if "requestBody" in operation
    ]
    seen: set[str] = set()
    while waiting:
        for reference in _references(waiting.pop()):
            name = reference.rsplit("/", 1)[1]
            if name not in seen:
                seen.add(name)
                waiting.append(schemas[name])
                if "properties" in schemas[name]:
                    schemas[name].setdefault("additionalProperties", False)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _drop_untold_choices(part: Any) -> None:
    if isinstance(part, dict):
        if isinstance(said := part.get("description"), str) and "* `" in said:
            part["description"] = UNTOLD.sub("", said).strip()
            if not part["description"]:
                del part["description"]
        for value in part.values():
            _drop_untold_choices(value)
    elif isinstance(part, list):
        for value in part:
            _drop_untold_choices(value)
