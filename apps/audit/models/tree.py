"""The tree over the log: numbered leaves, full tiles, signed heads, and the keys that signed them."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from apps.audit.fields import Xid8Field
from apps.audit.heads import KEY_ID_LENGTH, PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from apps.audit.models.trail import AuditLog
from apps.audit.tree import HASH_BYTES, TILE_BYTES
from apps.core.db import AppendOnlyModel, TriggerWrittenModel


def has_bytes(name: str, column: str, length: int) -> models.CheckConstraint:
    """A column of bytes has exactly this many."""
    return models.CheckConstraint(name=name, condition=Exact(Length(column), Value(length)))


class AuditLeaf(TriggerWrittenModel, AppendOnlyModel):
    """An event's place in the tree and in its stream.

    Numbered from 0 without a gap, in the order (xid, event) of those events whose transactions, and all older ones,
    have ended. The last leaf is thus the sequencer's cursor. A stream is the events of one resource: numbered from 1,
    each naming the leaf before it. Only the owner's function audit_number_events() writes them
    (apps.audit.sequencing_sql). The event may have gone after its retention.
    """

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(
        AuditLog, on_delete=models.PROTECT, db_constraint=False, db_column="event", related_name="leaf"
    )
    xid = Xid8Field()
    stream = models.CharField(max_length=193, db_collation="C")
    stream_seq = models.BigIntegerField()
    prev = models.BigIntegerField(null=True)

    class Meta:
        db_table = "audit_leaf"
        constraints = [
            models.UniqueConstraint(name="audit_leaf_stream_seq", fields=["stream", "stream_seq"]),
            models.CheckConstraint(name="audit_leaf_from_zero", condition=Q(index__gte=0, stream_seq__gte=1)),
            models.CheckConstraint(name="audit_leaf_linked", condition=Q(prev__lt=F("index"))),
        ]


class AuditLeafHash(TriggerWrittenModel, AppendOnlyModel):
    """The hash of a leaf's text (apps.audit.tree.leaf_hash): the tree itself is made of these.

    Made after the leaf was numbered, in its order and without a gap, by the owner's function audit_hash_leaves().
    """

    index = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_leaf_hash"
        constraints = [
            models.CheckConstraint(name="audit_leaf_hash_from_zero", condition=Q(index__gte=0)),
            has_bytes("audit_leaf_hash_length", "hash", HASH_BYTES),
        ]


class AuditTile(AppendOnlyModel):
    """A full tile: the hashes of 256 subtrees of 256^level leaves each. Leaves themselves are level 0."""

    id = models.BigAutoField(primary_key=True)
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "audit_tile"
        constraints = [
            models.UniqueConstraint(name="audit_tile_once", fields=["level", "number"]),
            models.CheckConstraint(name="audit_tile_named", condition=Q(level__gte=1, number__gte=0)),
            has_bytes("audit_tile_length", "data", TILE_BYTES),
        ]


class AuditSigningKey(AppendOnlyModel):
    """The public half of a key that signs, or once signed, heads. Whom to believe is for an auditor to know."""

    key_id = models.CharField(max_length=KEY_ID_LENGTH, primary_key=True)
    public_key = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "audit_signing_key"
        constraints = [has_bytes("audit_key_length", "public_key", PUBLIC_KEY_BYTES)]


class AuditHead(AppendOnlyModel):
    """The signed root of the first `size` leaves; what is signed is apps.audit.heads.Head's text."""

    size = models.BigIntegerField(primary_key=True)
    log = models.CharField(max_length=300)
    root = models.BinaryField()
    at = models.DateTimeField()
    key = models.ForeignKey(AuditSigningKey, on_delete=models.PROTECT, db_index=False)
    signature = models.BinaryField()

    class Meta:
        db_table = "audit_head"
        constraints = [
            models.CheckConstraint(name="audit_head_not_empty", condition=Q(size__gt=0)),
            has_bytes("audit_head_root_length", "root", HASH_BYTES),
            has_bytes("audit_head_signature_length", "signature", SIGNATURE_BYTES),
        ]
