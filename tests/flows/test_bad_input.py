"""Whatever is sent to any operation of the API, it is a clear 4xx in the envelope, and nothing has changed.

The operations come from the URLconf and their shapes from the OpenAPI document, so that a new one is swept unasked.
"""

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from apps.accounts.types import ALL_ROLES
from tests.flows.sweep import bad_values
from tests.flows.sweep.asking import ALL, JSON, call, each, refusal, valid
from tests.flows.sweep.operations import METHODS, Operation, fits, wrong_roles
from tests.flows.sweep.scene import Scene

GUARDED = [o for o in ALL if o.roles is not None]
WITH_ID = [o for o in ALL if o.parameters]


def texts(suspects: dict[str, str]) -> dict[str, str]:
    """The suspects as a query string has them."""
    found = {label: json.loads(raw) for label, raw in suspects.items()}
    kept = {label: str(value) for label, value in found.items() if isinstance(value, str | int)}
    return kept | bad_values.TEXTS


def as_read(schema: dict[str, Any], text: str) -> Any:
    """What a parameter's text says, in JSON: only its schema tells 12 from "12"."""
    if schema.get("type") == "array":
        return [as_read(schema["items"], part) for part in text.split(",")]
    if schema.get("type") == "integer" and text.isascii() and text.isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text) if schema.get("type") == "boolean" else text


@pytest.mark.usefixtures("unchanged")
class TestEveryOperation:
    @each(GUARDED)
    def test_needs_a_login(self, scene: Scene, operation: Operation) -> None:
        for header in ({}, {"HTTP_AUTHORIZATION": "Bearer nonsense"}, {"HTTP_AUTHORIZATION": "Bearer \x00\xff"}):
            response = call(scene, operation, valid(scene, operation), client=scene.anyone, **header)
            assert refusal(response, 401)["code"] == "not_authenticated"
            assert response["WWW-Authenticate"].startswith("Bearer")

    @each(GUARDED)
    def test_needs_its_role(self, scene: Scene, operation: Operation) -> None:
        for role in wrong_roles(operation):
            refusal(call(scene, operation, valid(scene, operation), client=scene.clients[role]), 403)

    @each(ALL)
    def test_refuses_unknown_parameters(self, scene: Scene, operation: Operation) -> None:
        for query in ("surprise=1", "%00=%00", "page_size=1000000000", "ordering=password"):
            url = f"{scene.path(operation)}?{query}"
            refusal(call(scene, operation, valid(scene, operation), url=url), 400)

    @each([o for o in ALL if o.query])
    def test_refuses_a_parameter_given_twice(self, scene: Scene, operation: Operation) -> None:
        for name in operation.query:
            refusal(call(scene, operation, url=f"{scene.path(operation)}?{name}=1&{name}=1"), 400)

    @each(ALL)
    def test_refuses_other_methods(self, scene: Scene, operation: Operation) -> None:
        there = {o.method for o in ALL if o.path == operation.path}
        for method in {*METHODS, "trace", "propfind"} - there:
            response = scene.client(operation).generic(method.upper(), scene.path(operation), b"{}", JSON)
            assert refusal(response, 405)["code"] == "method_not_allowed"

    @each(ALL)
    def test_answers_options_without_a_stumble(self, scene: Scene, operation: Operation) -> None:
        assert scene.client(operation).options(scene.path(operation)).status_code < 500

    @pytest.mark.soak
    @each(ALL)
    def test_refuses_other_methods_to_everyone(self, scene: Scene, operation: Operation) -> None:
        there = {o.method for o in ALL if o.path == operation.path}
        for method in {*METHODS, "trace", "propfind"} - there:
            for client in scene.clients.values():
                refusal(client.generic(method.upper(), scene.path(operation), b"{}", JSON), 405)


@pytest.mark.usefixtures("unchanged")
class TestEveryParameter:
    @each([o for o in ALL if o.query])
    def test_that_the_document_excludes_is_refused(
        self, scene: Scene, operation: Operation, suspects: dict[str, str]
    ) -> None:
        for name, schema in operation.query.items():
            needed = {"isin": scene.market.isin} if name != "isin" and "isin" in operation.query else {}
            for label, text in (texts(suspects) | (bad_values.CURSORS if name == "cursor" else {})).items():
                query = "&".join(f"{key}={quote(value)}" for key, value in (needed | {name: text}).items())
                response = call(scene, operation, url=f"{scene.path(operation)}?{query}")
                if label in bad_values.TEXTS or not fits(schema, as_read(schema, text)):
                    assert refusal(response, 400), (name, label)
                else:
                    assert response.status_code < 500, (name, label)

    @each(WITH_ID)
    def test_of_a_path_that_names_nothing_is_a_404(self, scene: Scene, operation: Operation) -> None:
        for name in operation.parameters:
            unknown = "US5949181045" if name == "isin" else str(uuid4())
            refusal(call(scene, operation, valid(scene, operation), url=scene.path(operation, **{name: unknown})), 404)

    @each(WITH_ID)
    def test_of_a_path_that_has_no_shape_of_ours_is_a_404(self, scene: Scene, operation: Operation) -> None:
        for name in operation.parameters:
            for text in bad_values.PATHS:
                url = scene.path(operation, **{name: text})
                refusal(call(scene, operation, valid(scene, operation), url=url), 404)


class TestTheDocument:
    def test_has_every_operation_with_known_roles(self) -> None:
        assert len(ALL) > 45
        for operation in GUARDED:
            assert operation.roles
            assert operation.roles <= ALL_ROLES, operation
