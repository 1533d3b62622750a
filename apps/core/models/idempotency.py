"""Answers kept for requests that may come again."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.ids import new_id


class IdempotentRequest(models.Model):
    """A request with an Idempotency-Key that had its effect, and the answer it got; written in the same commit."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    principal = models.CharField(max_length=64)
    route = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    answer = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "route", "key"], name="idempotent_request_once"),
            models.CheckConstraint(name="idempotent_request_succeeded", condition=Q(status__gte=200, status__lt=300)),
            models.CheckConstraint(
                name="idempotent_request_expires", condition=Q(expires_at__gt=models.F("created_at"))
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotent_request_expiry")]
