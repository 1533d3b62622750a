"""The nodes, how far each is believed, and what it takes in one question."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.chain.models.fields import HASH, hash_field, shaped
from apps.chain.types.endpoints import EndpointReason, EndpointState

STATED = (
    Q(state=EndpointState.HEALTHY, reason="", until=None)
    | Q(state=EndpointState.QUARANTINED, reason__in=EndpointReason.values, until__isnull=False)
    | Q(state=EndpointState.DISABLED, reason__in=EndpointReason.values, until=None)
)


class RpcEndpoint(models.Model):
    """A node by the name of its setting; its URL, which may hold a key, is never written down."""

    name = models.CharField(max_length=32, primary_key=True)
    # 1 is liked best.
    priority = models.SmallIntegerField()
    state = models.CharField(max_length=12, choices=EndpointState.choices, default=EndpointState.HEALTHY)
    reason = models.CharField(max_length=16, choices=EndpointReason.choices, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    head_number = models.BigIntegerField(null=True)
    # When the head last moved, or was as high as the other nodes'.
    head_at = models.DateTimeField(null=True)
    final_number = models.BigIntegerField(null=True)
    final_hash = hash_field(null=True)
    # What it was seen to take: blocks of one range of logs; headers, receipts of blocks, calls of any kind in a batch.
    range_blocks = models.IntegerField()
    # What it said itself that it takes, which holds for an hour.
    range_hint = models.IntegerField(null=True)
    hinted_at = models.DateTimeField(null=True)
    header_calls = models.IntegerField()
    receipt_calls = models.IntegerField()
    batch_calls = models.IntegerField()
    # The oldest block whose logs it still has.
    oldest_block = models.BigIntegerField(default=0)
    # By method, whether it has it; a method that is not named has not been asked for, or is there.
    capabilities = models.JSONField(default=dict)
    # Quarantines in a row, and since when.
    troubled_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    lies = models.IntegerField(default=0)
    lied_at = ArrayField(models.DateTimeField(), default=list, blank=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "node"
        constraints = [
            models.CheckConstraint(name="rpc_endpoint_state_known", condition=STATED),
            models.CheckConstraint(
                name="rpc_endpoint_caps",
                condition=Q(
                    range_blocks__gte=1,
                    header_calls__gte=1,
                    receipt_calls__gte=1,
                    batch_calls__gte=1,
                    oldest_block__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="rpc_endpoint_hint",
                condition=Q(range_hint=None, hinted_at=None) | Q(range_hint__gte=1, hinted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="rpc_endpoint_final",
                condition=Q(final_number=None, final_hash=None) | Q(final_number__gte=0, final_hash__isnull=False),
            ),
            models.CheckConstraint(name="rpc_endpoint_counts", condition=Q(failures__gte=0, lies__gte=0)),
            shaped("rpc_endpoint_final_hash_shape", "final_hash", HASH),
        ]
