"""Encrypted documents: what is known of each. The documents themselves lie in the store, see vault.documents."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.ids import new_id
from apps.vault.fields import EncryptedJSONField, SealedQuerySet
from apps.vault.types import DocumentState, Purpose


class Document(models.Model):
    """A document about a subject, encrypted under a key of its own that the subject's key seals."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.UUIDField()
    # What it is to the room that keeps it: PASSPORT, PROOF_OF_ADDRESS.
    kind = models.CharField(max_length=32)
    media_type = models.CharField(max_length=100)
    # Its key, its name and, once it is stored, its checksum.
    particulars = EncryptedJSONField(purpose=Purpose.DOCUMENTS, subject="subject")
    state = models.CharField(max_length=8, choices=DocumentState.choices, default=DocumentState.WRITING)
    size = models.PositiveBigIntegerField(null=True)
    # Of what lies in the store.
    stored_sha256 = models.CharField(max_length=64, blank=True)
    begun_at = models.DateTimeField()
    stored_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Document"]] = SealedQuerySet["Document"].as_manager()

    class Meta:
        db_table = "vault_document"
        constraints = [
            models.CheckConstraint(name="document_kind_shape", condition=Q(kind__regex=r"^[A-Z][A-Z0-9_]{0,31}$")),
            models.CheckConstraint(
                name="document_media_type_shape",
                condition=Q(media_type__regex=r"^[a-z0-9][a-z0-9.+-]{0,48}/[a-z0-9][a-z0-9.+-]{0,48}$"),
            ),
            models.CheckConstraint(
                name="document_state_whole",
                condition=Q(state=DocumentState.WRITING, size=None, stored_at=None, removed_at=None, stored_sha256="")
                | Q(state=DocumentState.STORED, size__isnull=False, stored_at__isnull=False, removed_at=None)
                & Q(stored_sha256__regex=r"^[0-9a-f]{64}$")
                | Q(state=DocumentState.REMOVING, removed_at=None)
                | Q(state=DocumentState.REMOVED, removed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["subject"], name="document_of_subject"),
            models.Index(
                fields=["begun_at"],
                name="document_unfinished",
                condition=Q(state__in=[DocumentState.WRITING, DocumentState.REMOVING]),
            ),
        ]
