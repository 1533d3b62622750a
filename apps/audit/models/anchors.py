"""Heads kept where we cannot change them."""

from django.db import models
from django.db.models import Q

from apps.audit.models.tree import has_bytes
from apps.audit.tree import HASH_BYTES
from apps.audit.types import AnchorKind
from apps.core.db import AppendOnlyModel

OF_S3 = Q(kind=AnchorKind.S3, version_id__isnull=False, tx_hash=None, retained_until__isnull=False)
OF_CHAIN = Q(kind=AnchorKind.EVM, version_id=None, tx_hash__isnull=False, retained_until=None)


class AuditAnchor(AppendOnlyModel):
    """A signed head that is known to be kept elsewhere: written only when it was read back there.

    It names no row of audit_head: it says what was anchored, whatever becomes of our heads.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8, choices=AnchorKind.choices)
    size = models.BigIntegerField()
    log = models.CharField(max_length=300)
    root = models.BinaryField()
    place = models.CharField(max_length=1500)
    version_id = models.CharField(max_length=1024, null=True)
    tx_hash = models.CharField(max_length=66, null=True)
    digest = models.BinaryField()  # SHA-256 of the bytes that are kept
    anchored_at = models.DateTimeField()
    retained_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_anchor"
        constraints = [
            models.UniqueConstraint(name="audit_anchor_version_once", fields=["place", "version_id"]),
            models.UniqueConstraint(name="audit_anchor_tx_once", fields=["place", "tx_hash"]),
            models.CheckConstraint(name="audit_anchor_of_its_kind", condition=OF_S3 | OF_CHAIN),
            models.CheckConstraint(name="audit_anchor_not_empty", condition=Q(size__gt=0)),
            has_bytes("audit_anchor_root_length", "root", HASH_BYTES),
            has_bytes("audit_anchor_digest_length", "digest", HASH_BYTES),
        ]
        indexes = [models.Index(name="audit_anchor_newest", fields=["kind", "size"])]
