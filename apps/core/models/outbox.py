"""Events that leave rooms."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.db.models import AppendOnlyModel


class OutboxEvent(AppendOnlyModel):
    """A fact other rooms may act on, written in the commit that made it true."""

    topic = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    payload = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    recorded_at = models.DateTimeField(db_default=Now())


class OutboxPending(models.Model):
    """Points at an event not yet dispatched; deleted in the commit that dispatches it."""

    event = models.OneToOneField(OutboxEvent, on_delete=models.PROTECT, primary_key=True)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["event"], name="outbox_waiting", condition=Q(dead_at=None)),
            models.Index(fields=["event"], name="outbox_dead", condition=Q(dead_at__isnull=False)),
        ]
