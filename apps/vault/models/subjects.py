"""What was decided about a subject: held, erased."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import AppendOnlyModel
from apps.core.ids import new_id


class SubjectHold(models.Model):
    """While it is open, the subject's keys cannot be destroyed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.UUIDField()
    # A case's or a matter's id, never words about a person.
    reference = models.CharField(max_length=64)
    placed_by = models.UUIDField(null=True)
    placed_at = models.DateTimeField()
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "reference"], name="subject_hold_once", condition=Q(released_at=None)
            ),
            models.CheckConstraint(
                name="subject_hold_reference_shape", condition=Q(reference__regex=r"^[A-Za-z0-9._:-]{1,64}$")
            ),
            models.CheckConstraint(
                name="subject_hold_in_order", condition=Q(released_at=None) | Q(released_at__gte=F("placed_at"))
            ),
        ]


class SubjectErasure(AppendOnlyModel):
    """The subject's keys were destroyed. On `complete_on` the last backup that held them is gone.

    A trigger refuses it while a hold is open, and refuses the destruction of a key without it.
    """

    subject = models.UUIDField(primary_key=True)
    erased_by = models.UUIDField(null=True)
    erased_at = models.DateTimeField()
    complete_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["complete_on"], name="subject_erasure_by_end")]
