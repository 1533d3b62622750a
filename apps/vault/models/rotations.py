"""Rotations of a purpose's keys: how far each has come. One that was killed goes on from here."""

from django.db import models
from django.db.models import F, Q

from apps.core.ids import new_id
from apps.vault.models.purpose_keys import PurposeKey
from apps.vault.types import Purpose, RotationState


class KeyRotation(models.Model):
    """A new purpose key, and (with_rows) new subject keys and rows encrypted under them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purpose = models.CharField(max_length=16)
    with_rows = models.BooleanField()
    former = models.ForeignKey(PurposeKey, on_delete=models.PROTECT, related_name="+")
    # What replaces it, once the key service has given it.
    kek = models.ForeignKey(PurposeKey, on_delete=models.PROTECT, related_name="+", null=True)
    state = models.CharField(max_length=8, choices=RotationState.choices, default=RotationState.BEGUN)
    began_at = models.DateTimeField()
    # Since when no row is found under a former subject key.
    emptied_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Subject keys: how many there were to wrap anew, were wrapped, do not open, were destroyed, stay because a row that
    # cannot be encrypted anew needs them.
    keys_total = models.BigIntegerField(default=0)
    keys_done = models.BigIntegerField(default=0)
    keys_unreadable = models.BigIntegerField(default=0)
    keys_destroyed = models.BigIntegerField(default=0)
    keys_kept = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purpose"], name="key_rotation_once", condition=~Q(state=RotationState.DONE)
            ),
            models.CheckConstraint(
                name="key_rotation_purpose_known", condition=Q(purpose__in=[str(each) for each in Purpose])
            ),
            models.CheckConstraint(
                name="key_rotation_state_whole",
                condition=Q(state=RotationState.BEGUN, kek=None, finished_at=None)
                | Q(state__in=[RotationState.KEYS, RotationState.ROWS], kek__isnull=False, finished_at=None)
                | Q(
                    state__in=[RotationState.GRACE, RotationState.CHECKING, RotationState.RETIRING],
                    kek__isnull=False,
                    emptied_at__isnull=False,
                    finished_at=None,
                )
                | Q(state=RotationState.DONE, kek__isnull=False, finished_at__isnull=False),
            ),
        ]


class RotatedColumn(models.Model):
    """How far a rotation has come in one encrypted column. It is gone through until nothing is left to do."""

    id = models.BigAutoField(primary_key=True)
    rotation = models.ForeignKey(KeyRotation, on_delete=models.PROTECT, related_name="columns")
    # "vault.Document" and the column's name.
    model = models.CharField(max_length=100)
    column = models.CharField(max_length=63)
    # About how many rows there are, how many this turn has passed, and the key of the last of them.
    total = models.BigIntegerField(default=0)
    passed = models.BigIntegerField(default=0)
    cursor = models.CharField(max_length=100, null=True)
    turn = models.PositiveIntegerField(default=1)
    turn_done = models.BooleanField(default=False)
    # Of this turn: rows that were under a former key, encrypted anew or not.
    found = models.BigIntegerField(default=0)
    unreadable = models.BigIntegerField(default=0)
    # Of all turns: encrypted anew; left to a writer that was quicker.
    rewritten = models.BigIntegerField(default=0)
    left_to_writers = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rotation", "model", "column"], name="rotated_column_once"),
            models.CheckConstraint(name="rotated_column_counts", condition=Q(found__gte=F("unreadable"))),
        ]
