"""Cut-offs and runs: what was compared, when, and how it ended. Append-only."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.db import AppendOnlyModel
from apps.core.ids import new_id
from apps.reconciliation.types import RunDepth, RunStatus

HASH = 66


class CutOff(AppendOnlyModel):
    """One instant of the books and the block they stand at: what makes a run reproducible."""

    chain_id = models.BigIntegerField()
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=HASH)
    block_time = models.DateTimeField()
    state_root = models.CharField(max_length=HASH)
    ledger_sequence = models.BigIntegerField()
    # Configured nodes (by the name of their setting, never by URL) that confirmed hash and state root.
    endpoints = ArrayField(models.CharField(max_length=64), default=list)
    recorded_at = models.DateTimeField(db_default=Now())


class Run(AppendOnlyModel):
    """One comparison of a security's books with its chain, written once when it has ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    isin = models.CharField(max_length=12)
    cut_off = models.ForeignKey(CutOff, on_delete=models.PROTECT, null=True, related_name="runs")
    depth = models.CharField(max_length=6, choices=RunDepth.choices, default=RunDepth.FOLD)
    # Every wallet was looked at; otherwise what had changed since the last run that concluded, and what was broken.
    whole = models.BooleanField(default=True)
    status = models.CharField(max_length=10, choices=RunStatus.choices)
    problems = ArrayField(models.TextField(), default=list)
    wallets = models.PositiveIntegerField()
    unknown_reads = models.PositiveIntegerField()
    # Instructions under way at the cut-off: booked at finality, so they explain nothing and hide nothing.
    in_flight = models.PositiveIntegerField()
    breaks_found = models.PositiveIntegerField()
    # Nobody: the schedule.
    user_id = models.UUIDField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="recon_run_depth_known", condition=Q(depth__in=RunDepth.values)),
            models.CheckConstraint(name="recon_run_status_known", condition=Q(status__in=RunStatus.values)),
            models.CheckConstraint(
                name="recon_run_clean_knows_all",
                condition=~Q(status=RunStatus.CLEAN)
                | Q(breaks_found=0, unknown_reads=0, cut_off__isnull=False, problems=[]),
            ),
            models.CheckConstraint(
                name="recon_run_breaks_counted",
                condition=~Q(status=RunStatus.BREAKS)
                | Q(breaks_found__gt=0, unknown_reads=0, cut_off__isnull=False, problems=[]),
            ),
            models.CheckConstraint(
                name="recon_run_says_why",
                condition=Q(status__in=[RunStatus.CLEAN, RunStatus.BREAKS]) | ~Q(problems=[]),
            ),
        ]
        indexes = [
            models.Index(fields=["isin", "-id"], name="recon_run_of_isin"),
            models.Index(fields=["started_at", "id"], name="recon_run_by_time"),
            models.Index(fields=["isin", "started_at", "id"], name="recon_run_of_isin_by_time"),
            models.Index(
                fields=["id"],
                name="recon_run_concluded",
                condition=Q(status__in=[RunStatus.CLEAN, RunStatus.BREAKS]),
            ),
        ]
