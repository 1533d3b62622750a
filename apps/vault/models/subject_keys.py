"""Keys that encrypt data: one a subject and purpose, wrapped by a purpose key."""

from django.db import models
from django.db.models import Q

from apps.core.ids import new_id
from apps.vault.models.purpose_keys import PurposeKey
from apps.vault.types import Purpose


class SubjectKey(models.Model):
    """The key of one subject's data. Its id is the `dek id` of a ciphertext's header.

    One of each subject and purpose is live, which a destroyed one stays: nobody can make another for an erased subject.
    One that a rotation has emptied and destroyed has no purpose key any more: nothing is encrypted under it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purpose = models.CharField(max_length=16)
    subject = models.UUIDField()
    kek = models.ForeignKey(PurposeKey, on_delete=models.PROTECT, related_name="subject_keys", null=True)
    # nonce (12), key (32), tag (16); none once it is destroyed.
    wrapped = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    # The last rotation that found a row it could not encrypt anew under this key: so it is kept.
    needed_by = models.ForeignKey(
        "vault.KeyRotation", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "subject"], name="subject_key_live_once", condition=Q(superseded_at=None)
            ),
            models.CheckConstraint(
                name="subject_key_purpose_known", condition=Q(purpose__in=[str(each) for each in Purpose])
            ),
            models.CheckConstraint(
                name="subject_key_whole_or_destroyed",
                condition=Q(wrapped__isnull=False, kek__isnull=False, destroyed_at=None)
                | Q(wrapped=None, destroyed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["subject"], name="subject_key_by_subject"),
            models.Index(
                fields=["purpose", "id"],
                name="subject_key_superseded",
                condition=Q(superseded_at__isnull=False, wrapped__isnull=False),
            ),
        ]
