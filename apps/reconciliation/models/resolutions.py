"""What is to become of a break: proposed by one person, decided by another, once."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import LastingModel
from apps.core.ids import new_id
from apps.reconciliation.models.breaks import SHA256, Break
from apps.reconciliation.types import ResolutionKind, ResolutionState


class Resolution(LastingModel):
    """A proposal and its decision. A trigger refuses any change but the one from PROPOSED (migration 0004).

    `remedy` and `fingerprint` are those of the break as the proposer saw it: only that may be approved.
    `transfer_id` is the ledger transfer that was posted: no foreign key, as of none into the journal.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    found = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="resolutions")
    kind = models.CharField(max_length=6, choices=ResolutionKind.choices)
    state = models.CharField(max_length=8, choices=ResolutionState.choices, default=ResolutionState.PROPOSED)
    reason = models.CharField(max_length=1000)
    asset = models.CharField(max_length=32)
    remedy = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=SHA256)
    proposed_by = models.UUIDField()
    proposed_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    transfer_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="recon_resolution_kind_known", condition=Q(kind__in=ResolutionKind.values)),
            models.CheckConstraint(
                name="recon_resolution_two_people", condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by"))
            ),
            models.CheckConstraint(
                name="recon_resolution_remedy_fits",
                condition=Q(kind=ResolutionKind.POST, remedy__isnull=False)
                | Q(kind=ResolutionKind.ACCEPT, remedy__isnull=True),
            ),
            models.CheckConstraint(
                name="recon_resolution_decided_whole",
                condition=Q(state=ResolutionState.PROPOSED, decided_by=None, decided_at=None, transfer_id=None)
                | Q(state=ResolutionState.REJECTED, decided_by__isnull=False, transfer_id=None)
                & Q(decided_at__isnull=False)
                | Q(state=ResolutionState.LAPSED, decided_by=None, decided_at__isnull=False, transfer_id=None)
                | Q(state=ResolutionState.APPROVED, decided_by__isnull=False, decided_at__isnull=False)
                & (
                    Q(kind=ResolutionKind.POST, transfer_id__isnull=False)
                    | Q(kind=ResolutionKind.ACCEPT, transfer_id=None)
                ),
            ),
            models.UniqueConstraint(
                fields=["found"], condition=Q(state=ResolutionState.PROPOSED), name="recon_resolution_one_open"
            ),
            models.UniqueConstraint(fields=["transfer_id"], name="recon_resolution_of_transfer"),
        ]
