"""What a person wants done with a transaction on its way, or with a signer that is frozen. The sender does it."""

from django.db import models
from django.db.models import F, Q

from apps.chain.models.intents import Signer, TxIntent
from apps.chain.types import InterventionEnd, InterventionKind
from apps.core.db import TokenUnitsField

APPROVED_WHOLE = Q(approved_by=None, approved_at=None) | Q(approved_by__isnull=False, approved_at__isnull=False)
TWO_PEOPLE = Q(approved_by=None) | ~Q(approved_by=F("asked_by"))
ENDED_WHOLE = Q(end="", ended_at=None) | Q(end__in=InterventionEnd.values, ended_at__isnull=False)


class Asked(models.Model):
    """Asked for by one person and, where it needs two, approved by another; it ends once."""

    reason = models.CharField(max_length=200)
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=9, choices=InterventionEnd.choices, blank=True, db_default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Intervention(Asked):
    """More to be paid for a transaction, or its calling off."""

    intent = models.ForeignKey(TxIntent, on_delete=models.PROTECT, related_name="interventions")
    kind = models.CharField(max_length=6, choices=InterventionKind.choices)
    max_fee = TokenUnitsField(null=True)  # wei per gas
    max_priority_fee = TokenUnitsField(null=True)
    needs_two = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_intervention_kind_known", condition=Q(kind__in=InterventionKind.values)),
            models.CheckConstraint(name="chain_intervention_approval_whole", condition=APPROVED_WHOLE),
            models.CheckConstraint(name="chain_intervention_two_people", condition=TWO_PEOPLE),
            models.CheckConstraint(name="chain_intervention_end_whole", condition=ENDED_WHOLE),
            models.CheckConstraint(
                name="chain_intervention_done_by_two",
                condition=~Q(end=InterventionEnd.DONE) | Q(needs_two=False) | Q(approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="chain_intervention_fees_ordered",
                condition=Q(kind=InterventionKind.CANCEL, max_fee=None, max_priority_fee=None)
                | Q(kind=InterventionKind.BUMP, max_priority_fee__gte=0, max_fee__gte=F("max_priority_fee")),
            ),
            models.UniqueConstraint(fields=["intent"], condition=Q(end=""), name="chain_intervention_one_open"),
        ]


class SignerRelease(Asked):
    """A frozen signer is to send again. Always two people's."""

    signer = models.ForeignKey(Signer, on_delete=models.PROTECT, related_name="releases")

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_release_approval_whole", condition=APPROVED_WHOLE),
            models.CheckConstraint(name="chain_release_two_people", condition=TWO_PEOPLE),
            models.CheckConstraint(name="chain_release_end_whole", condition=ENDED_WHOLE),
            models.CheckConstraint(
                name="chain_release_done_by_two",
                condition=~Q(end=InterventionEnd.DONE) | Q(approved_by__isnull=False),
            ),
            models.UniqueConstraint(fields=["signer"], condition=Q(end=""), name="chain_release_one_open"),
        ]
