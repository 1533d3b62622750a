"""The audit log: one append-only row for each business fact, written in the transaction that made it true."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from apps.audit.fields import CanonicalJSONField, CurrentTransactionId, Xid8Field
from apps.audit.types import RecordClass, Source
from apps.core.db import AppendOnlyModel, TriggerWrittenModel
from apps.core.ids import new_id
from apps.vault.fields import EncryptedJSONField, EncryptedTextField, SealedQuerySet


class AuditLog(AppendOnlyModel):
    """Who did what to which resource, and what changed.

    No foreign keys: a row stands on its own, and a locked user row never blocks it. `user_id` is null where
    the system acts. `before` and `after` hold ids, codes and amounts as strings, never personal data; of what is
    personal `committed` holds keyed hashes only. id, xid, created_at, source, stream_seq and prev_hash are the
    database's, whatever an insert says: trigger audit_joins_stream, which also asks what a row may be. What a row's
    text is, the SQL function audit_body(row) says: see docs/audit.md.
    """

    # The transaction that wrote the row: what committed together reads together.
    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    created_at = models.DateTimeField(db_default=Now())
    source = models.CharField(max_length=7, choices=Source, db_default=Source.APP)
    record_class = models.CharField(max_length=32, choices=RecordClass, db_default=RecordClass.AUDIT_TRAIL)
    user_id = models.UUIDField(null=True)
    party_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True, db_default="")
    action = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=128)
    stream_seq = models.BigIntegerField(editable=False, db_default=0)
    prev_hash = models.BinaryField(null=True, editable=False)
    before = CanonicalJSONField(null=True)
    after = CanonicalJSONField(null=True)
    committed = CanonicalJSONField(db_default=models.Value("{}", output_field=CanonicalJSONField()))
    # What is encrypted is bound to this: the row's number is not known before it is written. Null in the oldest rows.
    seal_id = models.UUIDField(null=True, default=new_id, editable=False)
    # Of the user; of nobody known where a login was refused. 45 characters hold any address.
    ip = EncryptedTextField(max_length=45, null=True, subject="user_id", bound_to="seal_id", db_column="ip_address")
    user_agent = EncryptedTextField(max_length=512, null=True, subject="user_id", bound_to="seal_id")
    # By name the salt, in hex, of each value in `committed`.
    salts = EncryptedJSONField(null=True, subject="user_id", bound_to="seal_id")

    objects: ClassVar[models.Manager["AuditLog"]] = SealedQuerySet["AuditLog"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="audit_log_stream_seq", fields=["resource_type", "resource_id", "stream_seq"]),
        ]
        indexes = [
            BrinIndex(fields=["created_at"], name="audit_log_by_moment", autosummarize=True),
            models.Index(fields=["action", "id"], name="audit_log_by_action"),
            models.Index(fields=["user_id", "id"], name="audit_log_by_user"),
            models.Index(fields=["party_id", "id"], name="audit_log_by_party"),
            models.Index(fields=["request_id", "id"], name="audit_log_by_request"),
            # The order of leaves: apps.audit.sequencing_sql.
            models.Index(fields=["xid", "id"], name="audit_log_by_commit"),
        ]

    @property
    def user(self) -> UUID | None:
        """Who acted: the user's id."""
        return self.user_id

    @property
    def resource(self) -> str:
        """What was acted upon, and the name of its stream: `issuance/0195c0d3-…`."""
        return f"{self.resource_type}/{self.resource_id}"

    stream = resource


class AuditStream(TriggerWrittenModel):
    """Where the events of one resource have got to: the number of the last, and its leaf hash."""

    stream = models.CharField(max_length=193, primary_key=True)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_stream"
