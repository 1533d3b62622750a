"""Every command of the API with an Idempotency-Key, without one, with a bad one, and sent again."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse

from apps.core.http.idempotency import HEADER, REPLAYED, Idempotency
from tests.flows.sweep.asking import WRITES, call, each, refusal, valid
from tests.flows.sweep.books_digest import digest
from tests.flows.sweep.operations import Operation
from tests.flows.sweep.scene import Scene

REQUIRED = [o for o in WRITES if o.idempotency is Idempotency.REQUIRED]
KEYED = [o for o in WRITES if o.takes_key]
KEYLESS = [o for o in WRITES if not o.takes_key]
# Refused after the key was read, for want of a chain: their rooms' tests carry them through.
NEED_A_CHAIN = {"order_token", "prove_wallet"}
DONE_HERE = [o for o in KEYED if o.name not in NEED_A_CHAIN]
BAD_KEYS = ("", " ", "a b", "a, b", '"a', '""', "k" * 256, "sch\u00fcssel", "\u202ekey", "a\x00", "a\r\nX: b")


@pytest.mark.usefixtures("unchanged")
class TestEveryCommand:
    @each(REQUIRED)
    def test_that_needs_a_key_is_refused_without(self, scene: Scene, operation: Operation) -> None:
        error = refusal(call(scene, operation, valid(scene, operation), key=""), 400)
        assert error["code"] == "idempotency_key_required"

    @each(KEYLESS)
    def test_that_takes_none_is_refused_with_one(self, scene: Scene, operation: Operation) -> None:
        for key in (str(uuid4()), "a, b"):
            error = refusal(call(scene, operation, valid(scene, operation), key=key), 400)
            assert error["code"] == "idempotency_key_unsupported"

    @each(KEYED)
    def test_with_a_bad_key_is_refused(self, scene: Scene, operation: Operation) -> None:
        for key in BAD_KEYS:
            header = {"HTTP_IDEMPOTENCY_KEY": key.encode().decode("latin-1")}
            response = call(scene, operation, valid(scene, operation), key="", **header)
            assert refusal(response, 400)["code"] == "idempotency_key_invalid", key


@pytest.mark.usefixtures("matching")
class TestACommandSentAgain:
    def twice(self, scene: Scene, operation: Operation, **second: Any) -> tuple[HttpResponse, HttpResponse]:
        """The first answer, and that of the same request sent again but for what `second` changes."""
        url = scene.path(operation, **scene.fresh(operation))
        sent = {"body": valid(scene, operation), "url": url, "key": str(uuid4())}
        first = call(scene, operation, **sent)
        assert first.status_code in {200, 201, 202}, first.content
        self.before = digest()
        return first, call(scene, operation, **(sent | second))

    @each(DONE_HERE)
    def test_gets_the_same_answer_and_changes_nothing(self, scene: Scene, operation: Operation) -> None:
        first, again = self.twice(scene, operation)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again["Content-Type"] == first["Content-Type"]
        assert (REPLAYED in first, again[REPLAYED]) == (False, "true")
        assert again["X-Request-ID"] != first["X-Request-ID"]
        assert digest() == self.before

    @each([o for o in DONE_HERE if o.body])
    def test_with_another_body_is_refused(self, scene: Scene, operation: Operation) -> None:
        other = json.dumps(scene.body(operation) | {"surprise": 1})
        error = refusal(self.twice(scene, operation, body=other)[1], 422)
        assert error["code"] == "idempotency_key_reused"
        assert digest() == self.before

    @each([o for o in DONE_HERE if o.parameters])
    def test_to_another_address_is_refused(self, scene: Scene, operation: Operation) -> None:
        other = scene.path(operation, **dict.fromkeys(operation.parameters, uuid4()))
        error = refusal(self.twice(scene, operation, url=other)[1], 422)
        assert error["code"] == "idempotency_key_reused"
        assert digest() == self.before


class TestTheDocument:
    def test_tells_who_takes_a_key(self, scene: Scene) -> None:
        told = {o.name: o.headers.get(HEADER) for o in WRITES}
        assert {name for name, header in told.items() if header} == {o.name for o in KEYED}
        assert {name for name, header in told.items() if header and header.get("required")} == {
            o.name for o in REQUIRED
        }

    def test_has_every_issuance_command_under_a_key(self) -> None:
        """What moves securities or money must be safe to send again."""
        # It moves nothing: it reads what the chain says of a transaction, which its hash names.
        reading = {"ingest_transaction"}
        assert {o.name for o in WRITES if o.path.startswith("/api/issuance")} - reading <= {o.name for o in REQUIRED}
        assert {o.name for o in WRITES if o.path.startswith("/api/auth")} <= {o.name for o in KEYLESS}
