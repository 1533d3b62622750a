"""Key services: what wraps and unwraps purpose keys, somewhere else or (in development) here."""

from apps.vault.kms.protocol import (
    Disagreement,
    KeyProvider,
    NewKey,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    context_of,
)

__all__ = [
    "Disagreement",
    "KeyProvider",
    "NewKey",
    "ProviderDown",
    "ProviderError",
    "ProviderRefused",
    "context_of",
]
