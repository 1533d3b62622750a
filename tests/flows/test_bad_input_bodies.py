"""Every body of every command, spoiled in every way: refused with its field named, and nothing has changed."""

import json

import pytest

from tests.flows.sweep import bad_values
from tests.flows.sweep.asking import ALL, WITH_BODY, WRITES, amounts, call, each, refusal, spoiled, valid
from tests.flows.sweep.operations import Operation, fits
from tests.flows.sweep.scene import Scene


@pytest.mark.usefixtures("unchanged")
class TestEveryBody:
    @each(WRITES)
    def test_that_is_no_object_of_ours_is_refused(self, scene: Scene, operation: Operation) -> None:
        for label, (body, status) in bad_values.BODIES.items():
            if body or (operation.body or {}).get("required"):
                assert refusal(call(scene, operation, body), status), label

    @each(WRITES)
    def test_of_another_media_type_is_refused(self, scene: Scene, operation: Operation) -> None:
        for media_type in bad_values.MEDIA_TYPES:
            refusal(call(scene, operation, valid(scene, operation) or b"{}", media_type=media_type), 415)

    @each(WITH_BODY)
    def test_without_a_required_field_is_refused(self, scene: Scene, operation: Operation) -> None:
        for name in (operation.body or {}).get("required", ()):
            body = {key: value for key, value in scene.body(operation).items() if key != name}
            error = refusal(call(scene, operation, json.dumps(body)), 400)
            assert name in [detail["field"] for detail in error["details"]]

    @each(WITH_BODY)
    def test_with_an_unknown_field_is_refused(self, scene: Scene, operation: Operation) -> None:
        for name in ("surprise", "is_staff", "created_at", "", "__proto__", "\u202eisin"):
            refusal(call(scene, operation, json.dumps(scene.body(operation) | {name: "x"})), 400)

    @each(WITH_BODY)
    def test_with_what_no_field_may_hold_is_refused(self, scene: Scene, operation: Operation) -> None:
        first = next(iter(operation.fields))
        for label, raw in bad_values.NO_JSON.items():
            assert refusal(call(scene, operation, spoiled(scene, operation, first, raw)), 400), label
        for name in operation.fields:
            for label, raw in bad_values.NEVER.items():
                assert refusal(call(scene, operation, spoiled(scene, operation, name, raw)), 400), (name, label)

    @each(WITH_BODY)
    def test_with_a_value_the_document_excludes_is_refused(
        self, scene: Scene, operation: Operation, suspects: dict[str, str]
    ) -> None:
        tried = 0
        for name, schema in operation.fields.items():
            for raw in suspects.values():
                if fits(schema, json.loads(raw)):
                    continue
                tried += 1
                error = refusal(call(scene, operation, spoiled(scene, operation, name, raw)), 400)
                assert any(str(detail["field"]).startswith(name) for detail in error["details"]), (name, raw[:80])
        if suspects is bad_values.SUSPECTS:  # of the others some documents exclude none
            assert tried >= 8 * len(operation.fields)

    @each(WITH_BODY)
    def test_with_a_number_in_other_words_is_refused(self, scene: Scene, operation: Operation) -> None:
        """Whatever the document says: what reads as a number here must not be one there."""
        for name in amounts(scene.body(operation)):
            for text in bad_values.NOT_AMOUNTS:
                error = refusal(call(scene, operation, spoiled(scene, operation, name, json.dumps(text))), 400)
                assert [detail["field"] for detail in error["details"]] == [name], text

    @each(WITH_BODY)
    def test_with_blanks_around_a_code_is_refused(self, scene: Scene, operation: Operation) -> None:
        for name, schema in operation.fields.items():
            value = scene.body(operation).get(name)
            if isinstance(value, str) and not fits(schema, f" {value}"):
                refusal(call(scene, operation, spoiled(scene, operation, name, json.dumps(f" {value}"))), 400)


@pytest.mark.soak
@pytest.mark.usefixtures("unchanged")
class TestEveryFieldOfEveryBody:
    @each(WITH_BODY)
    def test_with_no_json_in_it_is_refused(self, scene: Scene, operation: Operation) -> None:
        deep = [opening * 100_000 + closing * 100_000 for opening, closing in (("[", "]"), ('{"a":', "}"))]
        for name in operation.fields:
            for raw in (*bad_values.NO_JSON.values(), *deep):
                refusal(call(scene, operation, spoiled(scene, operation, name, raw)), 400)
            refusal(call(scene, operation, spoiled(scene, operation, name, f'"{"a" * 3_000_000}"')), 413)


@pytest.mark.usefixtures("matching")
class TestTheSameBodyUnspoiled:
    """Or the refusals above would prove nothing."""

    # Refused after the input, for want of a chain: their rooms' tests carry them through.
    NEED_A_CHAIN = {
        "order_token": (503, "unknown_contract"),
        "prove_wallet": (503, "unknown_contract"),
        "ingest_transaction": (404, "unknown_transaction"),
        "get_position_proof": (404, "unknown_position"),
    }

    @each(WRITES)
    def test_is_accepted(self, scene: Scene, operation: Operation) -> None:
        url = scene.path(operation, **scene.fresh(operation))
        response = call(scene, operation, valid(scene, operation), url=url)
        if operation.name in self.NEED_A_CHAIN:
            found = (response.status_code, json.loads(response.content)["error"]["code"])
            assert found == self.NEED_A_CHAIN[operation.name]
        else:
            assert response.status_code in {200, 201, 202}, response.content

    @each([o for o in ALL if not o.writes])
    def test_reads(self, scene: Scene, operation: Operation) -> None:
        response = call(scene, operation, url=scene.path(operation) + scene.query(operation))
        unknown = "run_id" in operation.parameters or operation.name in self.NEED_A_CHAIN
        assert response.status_code == (404 if unknown else 200), response.content

    @each([o for o in WITH_BODY if o.name != "log_in"])
    def test_with_odd_text_that_fits_never_makes_a_5xx(
        self, scene: Scene, operation: Operation, suspects: dict[str, str]
    ) -> None:
        stumbles = {status for status in self._try_what_fits(scene, operation, suspects) if status >= 500}
        assert stumbles <= ({503} if operation.name in self.NEED_A_CHAIN else set())

    @pytest.mark.soak  # an argon2 hash each
    @each([o for o in WITH_BODY if o.name == "log_in"])
    def test_with_odd_text_that_fits_lets_nobody_in(
        self, scene: Scene, operation: Operation, suspects: dict[str, str]
    ) -> None:
        assert self._try_what_fits(scene, operation, suspects) <= {400, 401}

    def _try_what_fits(self, scene: Scene, operation: Operation, suspects: dict[str, str]) -> set[int]:
        """Statuses of what the document does not exclude: it may be taken or refused."""
        found = {}
        for name, schema in operation.fields.items():
            for label, raw in suspects.items():
                if fits(schema, json.loads(raw)):
                    found[name, label] = call(scene, operation, spoiled(scene, operation, name, raw)).status_code
        return set(found.values())


class TestTheSweep:
    def test_knows_an_amount_when_it_sees_one(self, scene: Scene) -> None:
        found = {o.name: amounts(scene.body(o)) for o in WITH_BODY}
        assert found["place_order"] == ["price", "quantity"]
        assert found["request_issuance"] == ["quantity"]
        assert len(found["create_security"]) == 5
