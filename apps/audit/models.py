"""The audit trail: one append-only row for each business fact, written in the transaction that made it true."""

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.audit.fields import CurrentTransactionId, Xid8Field
from apps.core.db import AppendOnlyModel
from apps.vault.fields import EncryptedTextField, SealedQuerySet


class AuditLog(AppendOnlyModel):
    """Who did what to which resource, and what changed.

    No foreign keys: a row stands on its own, and a locked user row never blocks it. `user_id` is null where
    the system acts. `before` and `after` hold ids, codes and amounts as strings, never personal data.
    """

    # The transaction that wrote the row: what committed together reads together.
    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    created_at = models.DateTimeField(db_default=Now())
    user_id = models.UUIDField(null=True)
    party_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    # Of the user; of nobody known where a login was refused. 45 characters hold any address.
    ip_address = EncryptedTextField(max_length=45, null=True, subject="user_id")
    action = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=128)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    objects: ClassVar[models.Manager["AuditLog"]] = SealedQuerySet["AuditLog"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="audit_log_named", condition=~Q(action="") & ~Q(resource_type="")),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="audit_log_by_time"),
            models.Index(fields=["resource_type", "resource_id", "id"], name="audit_log_by_resource"),
            models.Index(fields=["action", "id"], name="audit_log_by_action"),
            models.Index(fields=["user_id", "id"], name="audit_log_by_user"),
            models.Index(fields=["party_id", "id"], name="audit_log_by_party"),
            models.Index(fields=["request_id", "id"], name="audit_log_by_request"),
        ]
