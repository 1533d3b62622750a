"""Who is held, and who is gone."""

from uuid import UUID

from apps.vault.models import SubjectErasure, SubjectHold


def is_erased(subject: UUID) -> bool:
    """Whether the subject's keys were destroyed."""
    return SubjectErasure.objects.filter(pk=subject).exists()


def is_held(subject: UUID, reference: str) -> bool:
    """Whether a hold of this matter is open on the subject."""
    return SubjectHold.objects.filter(subject=subject, reference=reference, released_at=None).exists()
