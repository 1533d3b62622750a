"""Erasing a subject: its keys are destroyed, so that what they encrypted is noise, here and in every backup."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core import outbox
from apps.core.actor import Actor
from apps.core.cache import invalidate
from apps.core.db import Advisory, lock_for_transaction, run_sql, unit_of_work
from apps.vault.errors import SubjectHeld
from apps.vault.keys import keyring
from apps.vault.keys.store import GENERATION
from apps.vault.models import SubjectErasure, SubjectHold
from apps.vault.types import SUBJECT_ERASED, Erasure, Purpose

# Keys of blind indexes belong to columns, not to persons.
OF_PERSONS = sorted(str(purpose) for purpose in Purpose if purpose is not Purpose.INDEX)

# A destroyed key stays where the live one was, also for a purpose that had none: nobody can make another.
_DESTROY = """
    INSERT INTO vault_subjectkey (id, purpose, subject, created_at, destroyed_at)
    SELECT gen_random_uuid(), purpose, %(subject)s, %(now)s, %(now)s
    FROM unnest(%(purposes)s::text[]) purpose ORDER BY purpose
    ON CONFLICT (purpose, subject) WHERE superseded_at IS NULL
    DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at
"""
_DESTROY_SUPERSEDED = """
    UPDATE vault_subjectkey SET wrapped = NULL, destroyed_at = %(now)s
    WHERE subject = %(subject)s AND purpose = ANY (%(purposes)s) AND superseded_at IS NOT NULL AND wrapped IS NOT NULL
"""


def erase_subject(*, actor: Actor, subject: UUID, now: datetime) -> Erasure:
    """Destroy all keys of a person or party, for good, with the commit. Done again, it says when it was done.

    `complete_on` is the day on which the oldest backup that still holds the keys is gone (`encryption.backup_days`).
    Within another process a key that is open serves for a second more. The audit trail records it by the outbox, and
    rooms that keep a blind index of the subject's data clear it by the same event. Raises SubjectHeld while a legal
    hold is open; whether the law still wants the data kept is for the caller to know.
    """
    with unit_of_work():
        lock_for_transaction(Advisory.SUBJECT_KEYS, str(subject))
        if done := SubjectErasure.objects.filter(pk=subject).first():
            return Erasure(done.subject, done.erased_at, done.complete_on)
        if SubjectHold.objects.filter(subject=subject, released_at=None).exists():
            raise SubjectHeld
        complete_on = (now + timedelta(days=settings.SECURITY.encryption.backup_days)).date()
        SubjectErasure.objects.create(subject=subject, erased_by=actor.user_id, erased_at=now, complete_on=complete_on)
        for statement in (_DESTROY, _DESTROY_SUPERSEDED):
            run_sql(statement, {"subject": subject, "purposes": OF_PERSONS, "now": now})
        _tell_processes(now)
        by = str(actor.user_id) if actor.user_id else None
        payload = {"by": by, "complete_on": complete_on.isoformat()}
        outbox.publish(topic=SUBJECT_ERASED, key=str(subject), payload=payload)
        return Erasure(subject, now, complete_on)


def _tell_processes(now: datetime) -> None:
    """Every process asks for this generation before it uses a key, once a second; this one at once."""
    invalidate(GENERATION, now=now)
    keyring().look_again()
    transaction.on_commit(keyring().look_again)
