"""What operators must know."""

from django.db import models
from django.db.models import F, Q

from apps.core.ids import new_id
from apps.core.types import Severity


class Alert(models.Model):
    """A condition somebody should look at, from when it was first seen until it ended.

    While it is open, who sees it again counts on the same row; one that comes back later is a new row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dedup_key = models.CharField(max_length=255)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    summary = models.CharField(max_length=300)
    source = models.CharField(max_length=64)
    count = models.BigIntegerField(default=1)
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dedup_key"], name="alert_open_once", condition=Q(resolved_at=None)),
            models.CheckConstraint(name="alert_severity_known", condition=Q(severity__in=Severity.values)),
            models.CheckConstraint(
                name="alert_says_something", condition=~Q(dedup_key="") & ~Q(summary="") & ~Q(source="")
            ),
            models.CheckConstraint(name="alert_counted", condition=Q(count__gte=1)),
            models.CheckConstraint(
                name="alert_in_order",
                condition=Q(last_seen_at__gte=F("opened_at"))
                & (Q(resolved_at=None) | Q(resolved_at__gte=F("opened_at"))),
            ),
        ]
