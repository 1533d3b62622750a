"""Legal holds: while one is open, its subject cannot be erased."""

import re
from datetime import datetime
from uuid import UUID

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest

from apps.core import outbox
from apps.core.actor import Actor
from apps.core.db import Advisory, lock_for_transaction, unit_of_work
from apps.core.ids import new_id
from apps.vault.errors import InvalidReference, SubjectErased, UnknownHold
from apps.vault.models import SubjectErasure, SubjectHold
from apps.vault.types import HOLD_PLACED, HOLD_RELEASED

REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def place_hold(*, actor: Actor, subject: UUID, reference: str, now: datetime) -> UUID:
    """Forbid the erasure of a subject; the hold's id, the same if it is placed again.

    `reference` is a case's or matter's id: 1 to 64 of letters, digits and `._:-`. Raises SubjectErased where there is
    nothing left to hold, and InvalidReference.
    """
    if not REFERENCE.fullmatch(reference):
        raise InvalidReference
    with unit_of_work():
        lock_for_transaction(Advisory.SUBJECT_KEYS, str(subject))
        if SubjectErasure.objects.filter(pk=subject).exists():
            raise SubjectErased
        found = SubjectHold.objects.filter(subject=subject, reference=reference, released_at=None).first()
        if found is not None:
            return found.pk
        hold = SubjectHold.objects.create(
            id=new_id(), subject=subject, reference=reference, placed_by=actor.user_id, placed_at=now
        )
        _tell(HOLD_PLACED, actor, subject, reference)
        return hold.pk


def release_hold(*, actor: Actor, subject: UUID, reference: str, now: datetime) -> None:
    """End a hold. Other holds on the subject stay. Raises UnknownHold."""
    with unit_of_work():
        lock_for_transaction(Advisory.SUBJECT_KEYS, str(subject))
        open_hold = SubjectHold.objects.filter(subject=subject, reference=reference, released_at=None)
        released_at = Greatest(F("placed_at"), Value(now, output_field=DateTimeField()))
        if not open_hold.update(released_at=released_at, released_by=actor.user_id):
            raise UnknownHold
        _tell(HOLD_RELEASED, actor, subject, reference)


def _tell(topic: str, actor: Actor, subject: UUID, reference: str) -> None:
    by = str(actor.user_id) if actor.user_id else None
    outbox.publish(topic=topic, key=str(subject), payload={"by": by, "reference": reference})
