"""Leased work."""

from django.db import models
from django.db.models import Q

from apps.core.ids import new_id
from apps.core.types import WorkState


class WorkItem(models.Model):
    """A piece of work as a row: leased by one worker at a time, retried, and given up visibly."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=WorkState.choices, default=WorkState.QUEUED)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="work_item_once"),
            models.CheckConstraint(
                name="work_item_lease_whole",
                condition=Q(state=WorkState.LEASED, lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state=WorkState.LEASED) & Q(lease_token=None, lease_until=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "run_at"], name="work_item_due", condition=Q(state=WorkState.QUEUED)),
            models.Index(fields=["kind"], name="work_item_dead", condition=Q(state=WorkState.DEAD)),
            models.Index(fields=["lease_until"], name="work_item_leased", condition=Q(state=WorkState.LEASED)),
        ]
