"""Outside services: registered by their rooms (`registry.provider`), built from the policy, called within bounds.

`provider("jumio")` gives what the room made of a guarded httpx.Client: see docs/providers.md.
"""

from typing import Any

from apps.core.providers.errors import AnswerTooLong, CircuitOpen
from apps.core.providers.factory import factory
from apps.core.providers.transport import REPEATABLE, WITHIN

__all__ = ["REPEATABLE", "WITHIN", "AnswerTooLong", "CircuitOpen", "close_providers", "provider"]


def provider(name: str) -> Any:
    """The service of this name, one a process. Its calls raise CircuitOpen beside httpx's errors.

    `service:instance` is one of several that the same room registered and the same policy governs, each with a breaker
    and connections of its own.
    """
    return factory.get(name)


def close_providers() -> None:
    """End all connections to outside services: the end of a worker, or of a test."""
    factory.close()
