"""What came of verifying the stored log against its signed heads: a row a run."""

from django.db import models
from django.db.models import F, Q

from apps.audit.models.tree import has_bytes
from apps.audit.tree import HASH_BYTES
from apps.audit.types import Fault, VerificationKind, VerificationOutcome
from apps.core.db import AppendOnlyModel

# What its column holds; PostgreSQL would take NaN and the infinities too.
LONGEST_SECONDS = 1_000_000


class AuditVerification(AppendOnlyModel):
    """One run over the events `start`..`stop` - 1: the places of two heads, or 0 and one.

    `root` is that of the first `stop` leaves, kept here so that a later run knows it again; null where the run failed.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=5, choices=VerificationKind)
    start = models.BigIntegerField()
    stop = models.BigIntegerField()
    # The newest head when the run began.
    head_size = models.BigIntegerField()
    root = models.BinaryField(null=True)
    outcome = models.CharField(max_length=8, choices=VerificationOutcome)
    bad_index = models.BigIntegerField(null=True)
    fault = models.CharField(max_length=9, choices=Fault, blank=True, default="")
    at = models.DateTimeField()
    seconds = models.DecimalField(max_digits=9, decimal_places=3)

    class Meta:
        db_table = "audit_verification"
        indexes = [models.Index(fields=["outcome", "stop"], name="audit_verification_by_outcome")]
        constraints = [
            models.CheckConstraint(
                name="audit_verification_range", condition=Q(start__gte=0, stop__gte=F("start"), head_size__gte=0)
            ),
            models.CheckConstraint(
                name="audit_verification_says_what",
                condition=Q(outcome=VerificationOutcome.VERIFIED, fault="", bad_index=None, root__isnull=False)
                | Q(outcome=VerificationOutcome.FAILED, fault__in=Fault.values, bad_index__gte=0, root=None),
            ),
            models.CheckConstraint(
                name="audit_verification_seconds", condition=Q(seconds__gte=0, seconds__lt=LONGEST_SECONDS)
            ),
            has_bytes("audit_verification_root_length", "root", HASH_BYTES),
        ]
