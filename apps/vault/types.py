"""Types other rooms may import."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import TextChoices


class Purpose(StrEnum):
    """What a key is for. Keys of one purpose open nothing of another."""

    PERSONAL = "personal"
    DOCUMENTS = "documents"
    SECRETS = "secrets"  # of login factors, tokens of outside services
    INDEX = "blind-index"


class ProviderName(TextChoices):
    """Where a purpose key's wrapping key lives."""

    KMS = "KMS", "AWS KMS"
    LOCAL = "LOCAL", "local"


@dataclass(frozen=True, slots=True)
class Erasure:
    """A subject whose keys are destroyed: copies in backups are unreadable for good once those are gone."""

    subject: UUID
    erased_at: datetime
    complete_on: date


class RotationState(TextChoices):
    """How far a rotation has come."""

    BEGUN = "BEGUN", "asking for a new key"
    KEYS = "KEYS", "wrapping subjects' keys"
    ROWS = "ROWS", "encrypting rows anew"
    GRACE = "GRACE", "waiting for who may still hold a former key"
    CHECKING = "CHECKING", "looking whether a row came back"
    RETIRING = "RETIRING", "destroying former keys"
    DONE = "DONE", "done"


class DocumentState(TextChoices):
    """Where a document stands. WRITING: on its way into the store. REMOVING: on its way out, and not to be read."""

    WRITING = "WRITING"
    STORED = "STORED"
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class DocumentView:
    """What is known of a document without opening it; `size` in bytes."""

    document_id: UUID
    subject: UUID
    kind: str
    media_type: str
    size: int
    stored_at: datetime


SUBJECT_ERASED = "vault.subject_erased"
HOLD_PLACED, HOLD_RELEASED = "vault.hold_placed", "vault.hold_released"
ROTATION_MOVED = "vault.rotation_moved"
