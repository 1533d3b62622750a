"""Breaks, and what became of each. A break is never deleted; its events are append-only."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.db import AppendOnlyModel, LastingModel, TokenUnitsField
from apps.core.ids import new_id
from apps.reconciliation.models.runs import HASH, Run
from apps.reconciliation.types import SIGHTINGS, UNSETTLED, BreakChange, BreakKind, BreakState

ADDRESS = 42
SHA256 = 64


class Break(LastingModel):
    """A difference between books and chain. Never deleted: one that returns keeps its first sight.

    `accepted` is the fingerprint of what was accepted, for as long as that is how the break is closed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    identity = models.CharField(max_length=200)
    isin = models.CharField(max_length=12)
    kind = models.CharField(max_length=20, choices=BreakKind.choices)
    state = models.CharField(max_length=8, choices=BreakState.choices, default=BreakState.OPEN)
    wallet_address = models.CharField(max_length=ADDRESS, null=True)
    owner_id = models.UUIDField(null=True)
    first_run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    accepted = models.CharField(max_length=SHA256, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["identity"], name="recon_break_once"),
            models.CheckConstraint(name="recon_break_kind_known", condition=Q(kind__in=BreakKind.values)),
            models.CheckConstraint(
                name="recon_break_ended_whole",
                condition=Q(state__in=UNSETTLED, cleared_at=None, resolved_at=None, accepted="")
                | Q(state=BreakState.CLEARED, cleared_at__isnull=False, resolved_at=None, accepted="")
                | Q(state=BreakState.RESOLVED, cleared_at=None, resolved_at__isnull=False),
            ),
            models.CheckConstraint(name="recon_break_age", condition=Q(last_seen_at__gte=F("first_seen_at"))),
        ]
        indexes = [
            models.Index(fields=["isin", "kind"], name="recon_break_of_isin"),
            models.Index(fields=["kind"], name="recon_break_unsettled", condition=Q(state__in=UNSETTLED)),
            models.Index(fields=["isin", "first_seen_at"], name="recon_break_ageing", condition=Q(state__in=UNSETTLED)),
            models.Index(fields=["first_seen_at", "id"], name="recon_break_by_first_sight"),
            models.Index(fields=["last_seen_at", "id"], name="recon_break_by_last_sight"),
        ]


class BreakEvent(AppendOnlyModel):
    """A break as one run saw it, or what one person did about it: `run` or `user_id` says which.

    `fingerprint` is that of what a run saw, `remedy` the entry that would mend it, as of that run.
    """

    found = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="events")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="events", null=True)
    user_id = models.UUIDField(null=True)
    change = models.CharField(max_length=9, choices=BreakChange.choices)
    kind = models.CharField(max_length=20, choices=BreakKind.choices)
    asset = models.CharField(max_length=32)
    decimals = models.PositiveSmallIntegerField()
    books_amount = TokenUnitsField(null=True)
    events_amount = TokenUnitsField(null=True)
    chain_amount = TokenUnitsField(null=True)
    tx_hash = models.CharField(max_length=HASH, blank=True)
    message = models.TextField()
    details = models.JSONField(default=dict)
    remedy = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=SHA256, blank=True, db_default="")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["found", "run"], name="recon_break_event_once"),
            models.CheckConstraint(
                name="recon_break_event_of_one",
                condition=Q(run__isnull=False, user_id=None) | Q(run=None, user_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["found", "-id"], name="recon_break_sightings", condition=Q(change__in=SIGHTINGS)),
        ]
