"""The vault's tables: wrapped keys, holds, erasures. No table holds a key that anyone could use as it stands."""

from apps.vault.models.documents import Document
from apps.vault.models.purpose_keys import PurposeKey
from apps.vault.models.rotations import KeyRotation, RotatedColumn
from apps.vault.models.subject_keys import SubjectKey
from apps.vault.models.subjects import SubjectErasure, SubjectHold

__all__ = [
    "Document",
    "KeyRotation",
    "PurposeKey",
    "RotatedColumn",
    "SubjectErasure",
    "SubjectHold",
    "SubjectKey",
]
