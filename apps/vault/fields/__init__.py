"""Columns that nobody reads without their key. See docs/vault.md."""

from apps.vault.fields.base import seal_now
from apps.vault.fields.columns import EncryptedJSONField, EncryptedTextField
from apps.vault.fields.holding import HIDDEN, Sealed
from apps.vault.fields.index import BlindIndexField
from apps.vault.fields.querysets import SealedQuerySet

__all__ = [
    "HIDDEN",
    "BlindIndexField",
    "EncryptedJSONField",
    "EncryptedTextField",
    "Sealed",
    "SealedQuerySet",
    "seal_now",
]
