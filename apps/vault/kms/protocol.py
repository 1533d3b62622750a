"""What the vault needs of a key service, and how one fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from apps.vault.types import Purpose

Context = Mapping[str, str]
KEY_BYTES = 32


class ProviderError(Exception):
    """No key. `reason` is a short code for logs and operators; it never quotes an answer."""

    def __init__(self, reason: str, retry_after: int | None = None) -> None:
        self.reason, self.retry_after = reason, retry_after
        super().__init__(reason)


class ProviderDown(ProviderError):
    """It does not answer, or has no time: later it may."""


class ProviderRefused(ProviderError):
    """It answers that it will not (denied, disabled, no such key): somebody has to act."""


class Disagreement(ProviderError):
    """What it was given, or gave, is not what it should be: another key, another context, changed bytes."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: 32 bytes, the same wrapped, and the service's name of the wrapping key."""

    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    provider_key: str


class KeyProvider(Protocol):
    """A key service. All calls raise ProviderError, and are made outside of a unit of work."""

    def generate(self, context: Context) -> NewKey:
        """A new key, wrapped under this context."""

    def unwrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> bytes:
        """The 32 bytes that were wrapped. Raises Disagreement for another context or another wrapping key."""

    def rewrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> tuple[bytes, str]:
        """The same key under the wrapping key that is configured now: (wrapped, provider_key)."""


def context_of(purpose: Purpose) -> Context:
    """What a purpose key is bound to at the key service: it opens under the same words alone."""
    return {"app": "bookentry", "purpose": str(purpose)}
