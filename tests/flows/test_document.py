"""The OpenAPI document: whole, true to what is answered, and with an example of everything that fits."""

import json
from functools import cache
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from apps.core.http.examples import all_examples
from tests.flows.sweep.asking import ALL, WITH_BODY, WRITES, call, each, valid
from tests.flows.sweep.operations import FORMATS, Operation, inlined
from tests.flows.sweep.scene import Scene

# All but the document itself, and what is signed and verified as it stands.
BARE = {"get_openapi_document", "get_position_proof"}
ENVELOPED = [o for o in ALL if o.name not in BARE]
SUCCESSES = {"200", "201", "202"}
# A run needs a chain: its room's tests carry it through.
NEED_A_CHAIN = {"order_token", "prove_wallet", "ingest_transaction", "get_reconciliation_run", "get_attestation"}


@cache
def document() -> dict[str, Any]:
    """As it is served."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def described(operation: Operation) -> dict[str, Any]:
    """The operation as the document has it."""
    return inlined(document(), document()["paths"][operation.path][operation.method])


def closed(schema: Any) -> Any:
    """The schema with every object closed to what it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def faults(schema: dict[str, Any], value: Any, formats: FormatChecker = FORMATS) -> list[str]:
    """What keeps the value from fitting the schema."""
    validator = Draft202012Validator(closed(schema), format_checker=formats)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def answers(operation: Operation) -> dict[str, dict[str, Any]]:
    """The JSON of each answer that is no refusal, by status."""
    return {
        status: response["content"]["application/json"]
        for status, response in described(operation)["responses"].items()
        if "application/json" in response.get("content", {}) and "data" in _properties(response)
    }


def _properties(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response["content"]["application/json"]["schema"].get("properties", {})
    return found


def shape(value: Any, schema: dict[str, Any]) -> Any:
    """Names without values: what two answers of one kind have in common. Maps have free names, so they tell nothing."""
    if isinstance(value, dict) and "properties" in schema:
        return {name: shape(part, schema["properties"].get(name, {})) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(value[0], schema.get("items", {}))] if value else None
    return None


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two shapes differ; what is null or empty in either says nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = [f"{path}.{name}" for name in one.keys() ^ other.keys()]
        return found + [
            d for name in one.keys() & other.keys() for d in differences(one[name], other[name], f"{path}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list):
        return differences(one[0], other[0], f"{path}[]")
    return []


class TestTheDocument:
    def test_is_of_a_version_whose_schemas_are_json_schema(self) -> None:
        assert document()["openapi"].startswith("3.1")

    def test_has_an_example_of_everything_and_no_other(self) -> None:
        assert set(all_examples()) >= {operation.name for operation in ALL}
        named = {o["operationId"] for path in document()["paths"].values() for o in path.values()}
        assert set(all_examples()) == named

    @each(ALL)
    def test_says_what_each_operation_is(self, operation: Operation) -> None:
        found = described(operation)
        assert found["summary"]
        assert found["description"]
        assert found["tags"]
        assert set(found["tags"]) <= {tag["name"] for tag in document()["tags"]}
        assert bool(found.get("security")) is (operation.roles is not None)

    @each(ALL)
    def test_says_how_each_may_be_refused(self, operation: Operation) -> None:
        responses = described(operation)["responses"]
        expected = {"400", "406", "503"} | ({"401", "403", "429"} if operation.roles else set())
        expected |= {"404"} if operation.parameters else set()
        expected |= {"409", "413", "415", "422"} if operation.writes else set()
        assert expected <= set(responses)
        for status in expected - answers(operation).keys():
            content = responses[status]["content"]["application/json"]
            assert faults(content["schema"], content["example"]) == []
            assert "application/problem+json" in responses[status]["content"]

    @each(ENVELOPED)
    def test_has_answers_that_fit_their_own_schema(self, operation: Operation) -> None:
        assert answers(operation).keys() & SUCCESSES
        for content in answers(operation).values():
            assert faults(content["schema"], content["example"]) == []

    @each(WITH_BODY)
    def test_has_bodies_that_fit_their_own_schema(self, operation: Operation) -> None:
        (content,) = described(operation)["requestBody"]["content"].items()
        assert content[0] == "application/json"
        assert content[1]["example"]
        assert faults(content[1]["schema"], content[1]["example"]) == []

    @each(WITH_BODY)
    def test_says_that_unknown_fields_are_refused(self, operation: Operation) -> None:
        assert (operation.body or {})["additionalProperties"] is False

    @each([o for o in WRITES if not o.body])
    def test_promises_no_body_where_none_is_read(self, operation: Operation) -> None:
        assert "requestBody" not in described(operation)

    @each([o for o in ALL if o.parameters])
    def test_has_an_example_of_each_part_of_a_path(self, operation: Operation) -> None:
        for parameter in described(operation)["parameters"]:
            if parameter["in"] == "path":
                assert faults(parameter["schema"], parameter["example"]) == []


@pytest.mark.usefixtures("matching")
class TestAnAnswer:
    @each(ENVELOPED)
    def test_is_what_the_document_and_its_example_say(self, scene: Scene, operation: Operation) -> None:
        fresh = scene.fresh(operation) if operation.writes else {}
        url = scene.path(operation, **fresh) + ("" if operation.writes else scene.query(operation))
        response = call(scene, operation, valid(scene, operation), url=url)
        if operation.name in NEED_A_CHAIN:
            assert response.status_code in {404, 503}
            return
        content = answers(operation)[str(response.status_code)]
        answer = json.loads(response.content)
        assert faults(content["schema"], answer) == []
        example = shape(content["example"], content["schema"])
        assert differences(shape(answer, content["schema"]), example) == []


class TestFaults:
    def test_are_found_in_what_is_too_much_too_little_or_wrong(self) -> None:
        schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
        assert faults(schema, {"a": "x"}) == []
        for value in ({}, {"a": 1}, {"a": "x", "b": 1}):
            assert len(faults(schema, value)) == 1

    def test_of_shape_are_found_below_lists(self) -> None:
        assert set(differences({"a": [{"b": None}]}, {"a": [{"c": None}]})) == {".a[].b", ".a[].c"}
        assert differences({"a": None}, {"a": [{"c": None}]}) == []
