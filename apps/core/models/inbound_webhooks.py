"""Calls from outside parties."""

from django.db import models
from django.db.models import Q

from apps.core.ids import new_id


class InboundWebhook(models.Model):
    """A provider's event, taken once; or a call that could not prove whose it was, without its contents."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.CharField(max_length=64)
    event_id = models.CharField(max_length=255, null=True)
    signed_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    # The raw bytes, sealed, until their effect is done.
    body = models.BinaryField(null=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    processed_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="inbound_webhook_once"),
            models.CheckConstraint(
                name="inbound_webhook_taken_or_refused",
                condition=Q(refusal="", event_id__isnull=False)
                | (~Q(refusal="") & Q(event_id=None, body=None, processed_at=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["received_at"], name="inbound_webhook_refused", condition=Q(event_id=None)),
        ]
