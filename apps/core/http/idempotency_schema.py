"""The OpenAPI document tells which operations take an Idempotency-Key, and that an answer may be a replay."""

from collections.abc import Iterator
from typing import Any

from rest_framework.permissions import SAFE_METHODS

from apps.core.http.idempotency import BARE, HEADER, QUOTED, REPLAYED, Idempotency, policy_of
from apps.core.http.views import View

KEY: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "description": (
        "Names this command: sent again within 24 hours with the same key and content, it has no second effect and "
        f"gets the same answer, with `{REPLAYED}: true`. Any 1 to 255 visible ASCII characters, such as a UUID. "
        "409 `idempotency_key_in_use` while the first is under way, 422 `idempotency_key_reused` for other content."
    ),
    "schema": {"type": "string", "pattern": f"^({BARE.pattern}|{QUOTED.pattern})$"},
    "example": "0197f3a2-6d0e-7c52-a4c1-9b1e5d2f8a34",
}
REPLAY = {
    "description": "The command was done before; this is its answer.",
    "schema": {"type": "string", "enum": ["true"]},
}


def tell_of_keys(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Add header and replay to the operations that take a key (a post-processing hook)."""
    for path, method, policy in _policies(generator):
        operation = result["paths"].get(path, {}).get(method.lower())
        if operation and policy.takes_key:
            _describe(operation, required=policy is Idempotency.REQUIRED)
    return result


def _policies(generator: Any) -> Iterator[tuple[str, str, Idempotency]]:
    """(path, method, policy) of each operation of ours that writes."""
    for path, _, method, callback in generator.endpoints:
        if issubclass(callback.cls, View) and method not in SAFE_METHODS:
            yield path, method, policy_of(callback.cls, method)


def _describe(operation: dict[str, Any], *, required: bool) -> None:
    operation.setdefault("parameters", []).append(KEY | ({"required": True} if required else {}))
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response.setdefault("headers", {})[REPLAYED] = REPLAY
