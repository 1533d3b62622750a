"""How long events are kept: periods, exports, legal holds, and what has expired."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.audit.fields import CurrentTransactionId, Xid8Field
from apps.audit.models.tree import has_bytes
from apps.audit.types import HoldKind, HoldReason, RecordClass
from apps.core.db import AppendOnlyModel, TriggerWrittenModel
from apps.core.ids import new_id
from config.security.types.records import LEAST_DAYS, RetentionStart

REFERENCE_SHAPE = r"^[A-Za-z0-9._:-]{1,64}$"


def _at_least() -> Q:
    """No period is shorter than its law asks."""
    found = Q()
    for name, days in LEAST_DAYS.items():
        found |= Q(record_class=name, days__gte=days)
    return found


class AuditRetention(TriggerWrittenModel):
    """How long a class of events is kept: the security policy as the last migration found it. The owner's to write."""

    record_class = models.CharField(max_length=32, primary_key=True, choices=RecordClass)
    days = models.IntegerField()
    starts = models.CharField(max_length=5, choices=[(start.value, start.value.lower()) for start in RetentionStart])
    citation = models.CharField(max_length=300)

    class Meta:
        db_table = "audit_retention"
        constraints = [models.CheckConstraint(name="audit_retention_lawful", condition=_at_least())]


class AuditExport(AppendOnlyModel):
    """A bundle of the events `first`..`stop`-1 that was written and then verified, and where it was put."""

    first = models.BigIntegerField()
    stop = models.BigIntegerField()
    # Leaves under the head it proves its events in.
    head_size = models.BigIntegerField()
    manifest_sha256 = models.BinaryField()
    place = models.CharField(max_length=300)
    exported_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "audit_export"
        constraints = [
            models.CheckConstraint(
                name="audit_export_range", condition=Q(first__gte=0, stop__gt=F("first"), head_size__gte=F("stop"))
            ),
            has_bytes("audit_export_digest_length", "manifest_sha256", 32),
        ]


class AuditHold(models.Model):
    """While it is open, the events it names do not expire. Two people end it; nothing else of it ever changes.

    By kind it names a subject (a party or user), a resource (of all its type if `resource_id` is empty), a time
    [since, until), or all there is.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=8, choices=HoldKind)
    subject = models.UUIDField(null=True)
    resource_type = models.CharField(max_length=64, blank=True, default="")
    resource_id = models.CharField(max_length=128, blank=True, default="")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    # A case's or matter's id, as in the vault's holds, never words about a person.
    reference = models.CharField(max_length=64)
    reason = models.CharField(max_length=13, choices=HoldReason)
    placed_by = models.UUIDField()
    placed_at = models.DateTimeField()
    release_asked_by = models.UUIDField(null=True)
    release_asked_at = models.DateTimeField(null=True)
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_hold"
        indexes = [models.Index(fields=["placed_at"], name="audit_hold_open", condition=Q(released_at=None))]
        constraints = [
            models.CheckConstraint(
                name="audit_hold_names",
                condition=Q(kind=HoldKind.SUBJECT, subject__isnull=False, resource_type="", since=None, until=None)
                | Q(kind=HoldKind.RESOURCE, subject=None, since=None, until=None) & ~Q(resource_type="")
                | Q(
                    kind=HoldKind.PERIOD,
                    subject=None,
                    resource_type="",
                    since__isnull=False,
                    until__gt=F("since"),
                    until__isnull=False,
                )
                | Q(kind=HoldKind.ALL, subject=None, resource_type="", since=None, until=None),
            ),
            models.CheckConstraint(name="audit_hold_resource", condition=Q(resource_id="") | Q(kind=HoldKind.RESOURCE)),
            models.CheckConstraint(name="audit_hold_reference_shape", condition=Q(reference__regex=REFERENCE_SHAPE)),
            models.CheckConstraint(
                name="audit_hold_steps",
                condition=Q(release_asked_by=None, release_asked_at=None, released_by=None, released_at=None)
                | Q(release_asked_by__isnull=False, release_asked_at__isnull=False, released_by=None, released_at=None)
                | Q(
                    release_asked_by__isnull=False,
                    release_asked_at__isnull=False,
                    released_by__isnull=False,
                    released_at__isnull=False,
                ),
            ),
            models.CheckConstraint(name="audit_hold_two_people", condition=~Q(released_by=F("release_asked_by"))),
        ]


class AuditEnding(models.Model):
    """An account or agency has ended: the period of what is kept beyond its end begins. Two people say so.

    `record` is the id by which events name it: a party's, or a resource's. Whoever finds it wrong takes it back alone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    record = models.CharField(max_length=128)
    ended_at = models.DateTimeField()
    reference = models.CharField(max_length=64)
    told_by = models.UUIDField()
    told_at = models.DateTimeField()
    confirmed_by = models.UUIDField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    withdrawn_by = models.UUIDField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_ending"
        constraints = [
            models.UniqueConstraint(name="audit_ending_once", fields=["record"], condition=Q(withdrawn_at=None)),
            models.CheckConstraint(
                name="audit_ending_named", condition=~Q(record="") & Q(reference__regex=REFERENCE_SHAPE)
            ),
            models.CheckConstraint(
                name="audit_ending_steps",
                condition=(
                    Q(confirmed_by=None, confirmed_at=None) | Q(confirmed_by__isnull=False, confirmed_at__isnull=False)
                )
                & (Q(withdrawn_by=None, withdrawn_at=None) | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False)),
            ),
            models.CheckConstraint(name="audit_ending_was", condition=Q(ended_at__lte=F("told_at"))),
            models.CheckConstraint(name="audit_ending_two_people", condition=~Q(confirmed_by=F("told_by"))),
        ]


class AuditExpiry(TriggerWrittenModel, AppendOnlyModel):
    """What one transaction removed: the events `first`..`stop`-1, but for those that had to stay.

    Written by the owner's function audit_expire() alone. It is also what lets that transaction delete: see
    audit_guard_removal() in apps.audit.expiry_sql.
    """

    xid = Xid8Field(db_default=CurrentTransactionId(), editable=False)
    # The event `audit.expired` that names the ranges exactly.
    event = models.BigIntegerField(unique=True)
    first = models.BigIntegerField()
    stop = models.BigIntegerField()
    removed = models.IntegerField()
    # Or how many origins (audit_origin) that no event named any more.
    origins = models.IntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "audit_expiry"
        indexes = [models.Index(fields=["xid"], name="audit_expiry_by_transaction")]


class AuditExpiryRun(models.Model):
    """One pass over the log for what has expired, and how far it has come: moved in the commit of each chunk."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # The number of the last event it looked at.
    position = models.BigIntegerField(default=0)
    looked_at = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    # By standing (apps.audit.types.Standing), how many events were looked at and stay.
    staying = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_expiry_run"
        constraints = [
            models.UniqueConstraint(
                name="audit_expiry_run_one", fields=["ended_at"], condition=Q(ended_at=None), nulls_distinct=False
            )
        ]
