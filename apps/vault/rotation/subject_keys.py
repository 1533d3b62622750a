"""Subjects' keys under a new purpose key: wrapped anew, and (if rows follow) superseded by new ones."""

from uuid import UUID

from django.db.models import F

from apps.core.db import as_columns, fetch_all, fetch_one, run_sql, unit_of_work
from apps.core.ids import new_id
from apps.vault.errors import UnknownKey
from apps.vault.keys import Keyring, alarms, store
from apps.vault.keys.store import NewRow
from apps.vault.keys.wrapping import Binding, NotThisKey, new_key, unwrap, wrap
from apps.vault.models import KeyRotation
from apps.vault.types import Purpose

_REMAINING = """
    SELECT count(*) FROM vault_subjectkey WHERE purpose = %s AND wrapped IS NOT NULL AND kek_id <> %s
"""
_CHUNK = """
    SELECT id, subject, kek_id, wrapped, superseded_at IS NULL FROM vault_subjectkey
    WHERE purpose = %(purpose)s AND wrapped IS NOT NULL AND kek_id <> %(kek)s AND id > %(after)s
    ORDER BY id LIMIT %(size)s
"""
# In the order of subjects, as all who write many keys. One that was erased or wrapped meanwhile stays as it is.
_WRAP = """
    WITH made AS (
        SELECT * FROM unnest(%(ids)s::uuid[], %(keks)s::int[], %(before)s::bytea[], %(after)s::bytea[])
            made (id, kek_id, before, after)
    ), found AS (
        SELECT held.id, made.after, held.superseded_at IS NULL AS live
        FROM vault_subjectkey held JOIN made USING (id)
        WHERE held.kek_id = made.kek_id AND held.wrapped = made.before
            AND EXISTS (SELECT 1 FROM vault_purposekey WHERE id = %(kek)s AND check_value = %(check)s::bytea)
        ORDER BY held.subject FOR NO KEY UPDATE OF held
    )
    UPDATE vault_subjectkey held SET kek_id = %(kek)s, wrapped = found.after,
        superseded_at = CASE WHEN %(supersede)s THEN coalesce(held.superseded_at, greatest(now(), held.created_at))
                             ELSE held.superseded_at END
    FROM found WHERE held.id = found.id RETURNING held.id, found.live
"""
_RETIRE = """
    UPDATE vault_subjectkey SET wrapped = NULL, kek_id = NULL, destroyed_at = greatest(now(), superseded_at)
    WHERE id IN (
        SELECT id FROM vault_subjectkey key
        WHERE purpose = %(purpose)s AND superseded_at IS NOT NULL AND wrapped IS NOT NULL
            AND needed_by_id IS DISTINCT FROM %(rotation)s
            AND NOT EXISTS (SELECT 1 FROM vault_subjecthold WHERE subject = key.subject AND released_at IS NULL)
        ORDER BY id LIMIT %(size)s FOR NO KEY UPDATE SKIP LOCKED
    )
"""
_KEPT = """
    SELECT count(*) FROM vault_subjectkey
    WHERE purpose = %s AND superseded_at IS NOT NULL AND wrapped IS NOT NULL
"""
FIRST = UUID(int=0)


def remaining(purpose: Purpose, kek_id: int) -> int:
    """How many keys of the purpose are wrapped by another purpose key."""
    row = fetch_one(_REMAINING, [str(purpose), kek_id])
    return row[0] if row else 0


def wrap_chunk(run: KeyRotation, ring: Keyring, *, after: UUID, size: int) -> UUID | None:
    """Wrap up to `size` keys behind `after` by the rotation's purpose key, in one unit of work; the last of them.

    With rows each live key is superseded by a new one. One that does not open stays as it is, after an alert. Raises
    KeyUnavailable.
    """
    purpose = Purpose(run.purpose)
    if run.kek_id is None:
        raise ValueError("the rotation has no purpose key yet")
    values = {"purpose": run.purpose, "kek": run.kek_id, "after": after, "size": size}
    rows = fetch_all(_CHUNK, values)
    if not rows:
        return None
    new = ring.purposes.get(run.kek_id)
    made, subjects = [], {}
    for key_id, subject, kek_id, wrapped, _ in rows:
        before = Binding(kek_id, key_id, purpose, subject)
        try:
            plain = unwrap(ring.purposes.get(kek_id).cipher, bytes(wrapped), before)
        except (NotThisKey, UnknownKey):
            alarms.subject_key_changed(key_id)
            continue
        binding = Binding(run.kek_id, key_id, purpose, subject)
        made.append((key_id, kek_id, bytes(wrapped), wrap(new.cipher, plain, binding)))
        subjects[key_id] = subject
    successors = {key_id: _successor(new.cipher, run, subject) for key_id, subject in subjects.items() if run.with_rows}
    ids, keks, before_, after_ = as_columns(made, 4)
    written = {"ids": ids, "keks": keks, "before": before_, "after": after_}
    with unit_of_work():
        done = fetch_all(_WRAP, written | {"kek": run.kek_id, "check": new.check_value, "supersede": run.with_rows})
        superseded = [successors[key_id] for key_id, live in done if live and run.with_rows]
        if store.insert(new, superseded) != len(superseded):
            raise RuntimeError("a key was superseded, and another stands in its place")
        _count(run, keys_done=len(done))
    return rows[-1][0]


def retire_chunk(run: KeyRotation, *, size: int) -> int:
    """Destroy up to `size` superseded keys that nothing needs any more; how many.

    Those of a subject under a legal hold stay as they are, until a rotation after its end.
    """
    with unit_of_work():
        destroyed = run_sql(_RETIRE, {"purpose": run.purpose, "rotation": run.pk, "size": size})
        _count(run, keys_destroyed=destroyed)
    return destroyed


def kept(purpose: Purpose) -> int:
    """How many superseded keys of the purpose are whole."""
    row = fetch_one(_KEPT, [str(purpose)])
    return row[0] if row else 0


def _count(run: KeyRotation, **counts: int) -> None:
    """In the commit of what is counted."""
    changes = {name: F(name) + number for name, number in counts.items()}
    KeyRotation.objects.filter(pk=run.pk).update(**changes)


def _successor(kek: "object", run: KeyRotation, subject: UUID) -> NewRow:
    key_id = new_id()
    binding = Binding(run.kek_id or 0, key_id, Purpose(run.purpose), subject)
    return NewRow(key_id, subject, wrap(kek, new_key(), binding))  # type: ignore[arg-type]
