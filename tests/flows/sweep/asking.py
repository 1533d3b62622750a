"""Asking the API, and reading its refusals."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse

from apps.core.http.codes import FIELD_CODES, all_codes
from apps.core.http.idempotency import HEADER
from tests.flows.sweep.operations import Operation, operations
from tests.flows.sweep.scene import Scene

ALL = operations()
WRITES = [o for o in ALL if o.writes]
WITH_BODY = [o for o in ALL if o.body]
JSON = "application/json"
CODES = all_codes()


def each(found: list[Operation] | tuple[Operation, ...]) -> Any:
    """Parametrize by operation."""
    return pytest.mark.parametrize("operation", found, ids=str)


def call(scene: Scene, operation: Operation, body: bytes | str = b"", **other: Any) -> HttpResponse:
    """The operation with this body, by someone who may; with a key of its own where one may be sent (key="": none)."""
    url = other.pop("url", None) or scene.path(operation)
    client = other.pop("client", None) or scene.client(operation)
    key = other.pop("key", None)
    headers = keyed(operation) if key is None else {HEADER: key} if key else {}
    return client.generic(operation.method.upper(), url, body, other.pop("media_type", JSON), headers=headers, **other)


def keyed(operation: Operation) -> dict[str, str]:
    """A new Idempotency-Key, where one may be sent."""
    return {HEADER: str(uuid4())} if operation.takes_key else {}


def refusal(response: HttpResponse, *statuses: int) -> dict[str, Any]:
    """The error, if the answer is a 4xx in the envelope."""
    said = f"{response.status_code} {response.content[:500]!r}"
    assert 400 <= response.status_code < 500, said
    assert not statuses or response.status_code in statuses, said
    answer = json.loads(response.content)
    assert set(answer) == {"success", "timestamp", "error", "request_id"}, said
    assert answer["success"] is False
    assert answer["request_id"] == response["X-Request-ID"] != ""
    error = answer["error"]
    assert set(error) == {"code", "message", "details", "context"}, said
    assert CODES[error["code"]].status == response.status_code, said
    assert error["message"], said
    assert {detail["code"] for detail in error["details"]} <= FIELD_CODES.keys(), said
    assert response["Cache-Control"] == "no-store", said
    return error


def valid(scene: Scene, operation: Operation) -> bytes:
    """A body the operation accepts."""
    return json.dumps(scene.body(operation)).encode() if operation.body else b""


def spoiled(scene: Scene, operation: Operation, field: str, raw: str) -> bytes:
    """That body with one field's JSON text replaced: some of it no JSON library would write."""
    marker = f"spoil-{uuid4()}"
    return json.dumps(scene.body(operation) | {field: marker}).replace(f'"{marker}"', raw).encode()


def amounts(body: dict[str, Any]) -> list[str]:
    """Fields that carry a decimal string."""
    return [name for name, value in body.items() if isinstance(value, str) and re.fullmatch(r"[0-9.]+", value)]
