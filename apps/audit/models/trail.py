"""The audit log: one append-only row for each business fact, written in the transaction that made it true."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from apps.audit.fields import CanonicalJSONField, ClockTimestamp, CurrentTransactionId, Xid8Field
from apps.audit.types import RecordClass, Source
from apps.core.db import AppendOnlyModel
from apps.core.ids import new_id
from apps.vault.fields import EncryptedJSONField, EncryptedTextField, SealedQuerySet

UUIDS, TEXTS = "uuid_bloom_ops", "text_bloom_ops"
SEARCHED = {"user_id": UUIDS, "party_id": UUIDS, "request_id": TEXTS, "resource_type": TEXTS, "resource_id": TEXTS}


class AuditOrigin(AppendOnlyModel):
    """Who came from where: the address and the user agent of a person's requests, and what commits events to them.

    Each process writes one for each new combination it sees, and names it in its events.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    user_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    committed = CanonicalJSONField()
    # Of the user; of nobody known where a login was refused. 45 characters hold any address.
    ip = EncryptedTextField(max_length=45, null=True, subject="user_id")
    user_agent = EncryptedTextField(max_length=512, null=True, subject="user_id")
    # By name the salt, in hex, of each value in `committed`.
    salts = EncryptedJSONField(null=True, subject="user_id")

    # They go after the events that name them: apps.audit.expiry_sql.
    row_guard = "audit_guard_origin"

    objects: ClassVar[models.Manager["AuditOrigin"]] = SealedQuerySet["AuditOrigin"].as_manager()

    class Meta:
        db_table = "audit_origin"


class AuditLog(AppendOnlyModel):
    """Who did what to which resource, and what changed.

    A row stands on its own: no constraint looks at another table, and a locked user row never blocks it. `user_id` is
    null where the system acts. `before` and `after` hold ids, codes and amounts as strings, never personal data. id,
    xid, created_at and source are the database's, whatever the application wants. What a row's text is, the SQL
    function audit_body() says, once the row has its leaf: see docs/audit.md.
    """

    database_writes = ("id", "xid", "created_at", "source")

    # The transaction that wrote the row: what committed together reads together.
    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    source = models.CharField(max_length=7, choices=Source, db_default=Source.APP)
    record_class = models.CharField(max_length=32, choices=RecordClass, db_default=RecordClass.AUDIT_TRAIL)
    user_id = models.UUIDField(null=True)
    party_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True, db_default="")
    action = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=128)
    before = CanonicalJSONField(null=True)
    after = CanonicalJSONField(null=True)
    origin = models.ForeignKey(
        AuditOrigin, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )

    # Events expire: apps.audit.expiry_sql.
    row_guard = "audit_guard_removal"

    class Meta:
        indexes = [
            # Each write pays for every index. This one takes next to nothing of it, and finds whatever is asked for by
            # the blocks that may hold it: some hundredths of a second in ten million rows.
            BrinIndex(
                fields=["created_at", *SEARCHED],
                opclasses=["timestamptz_minmax_ops", *SEARCHED.values()],
                name="audit_log_search",
                autosummarize=True,
                pages_per_range=32,
            ),
            models.Index(fields=["action", "id"], name="audit_log_by_action"),
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

    @property
    def ip(self) -> str | None:
        """From where the user came. Raises KeyUnavailable, SubjectErased, Unreadable."""
        return self.origin.ip if self.origin else None

    @property
    def user_agent(self) -> str | None:
        """With what the user came. Raises as `ip` does."""
        return self.origin.user_agent if self.origin else None

    @property
    def committed(self) -> dict[str, str]:
        """By name the commitments to what is personal of it."""
        return self.origin.committed if self.origin else {}
