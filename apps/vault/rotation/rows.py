"""Rows of one column, a chunk at a time: found under a former key, encrypted anew under the subject's present one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from uuid import UUID

from apps.core.db import as_columns, fetch_all, fetch_one, run_sql
from apps.vault.errors import SubjectErased, Unreadable
from apps.vault.fields.holding import Sealed
from apps.vault.keys import DataKey, Keyring, keyring
from apps.vault.models import KeyRotation
from apps.vault.rotation.columns import SealedColumn
from apps.vault.types import Purpose

# Bytes 8 to 23 of a ciphertext are its key's id (see apps.vault.envelope).
_KEY_ID = "encode(substring({sealed} from 8 for 16), 'hex')::uuid"
# The next rows of the table, and those of them whose key is superseded, or none that there is. An erased subject's
# keys are destroyed: there is nothing to encrypt anew.
_FIND = """
    WITH chunk AS MATERIALIZED (
        SELECT {key} AS key, {quoted} AS sealed, {version} AS version FROM {table}
        WHERE %(after)s::text IS NULL OR {key} > %(after)s::{key_type} ORDER BY {key} LIMIT %(size)s
    ), found AS (
        SELECT chunk.key, chunk.version, chunk.sealed, held.id, held.subject
        FROM chunk LEFT JOIN vault_subjectkey held ON held.id = {key_id}
        WHERE chunk.sealed IS NOT NULL
            AND (held.id IS NULL
                OR held.superseded_at IS NOT NULL AND (held.wrapped IS NOT NULL OR held.kek_id IS NULL))
    )
    SELECT passed.number, passed.last, found.*
    FROM (SELECT count(*) AS number, (array_agg(key ORDER BY key DESC))[1] AS last FROM chunk) passed
    LEFT JOIN found ON true ORDER BY found.key
"""
_FIND_NEEDED = """
    WITH chunk AS MATERIALIZED (
        SELECT {key} AS key, {quoted} AS sealed FROM {table}
        WHERE %(after)s::text IS NULL OR {key} > %(after)s::{key_type} ORDER BY {key} LIMIT %(size)s
    ), needed AS (
        SELECT DISTINCT held.id FROM chunk JOIN vault_subjectkey held ON held.id = {key_id}
        WHERE held.superseded_at IS NOT NULL AND held.wrapped IS NOT NULL
    )
    SELECT passed.number, passed.last, needed.id
    FROM (SELECT count(*) AS number, (array_agg(key ORDER BY key DESC))[1] AS last FROM chunk) passed
    LEFT JOIN needed ON true
"""
# Compare and set: what somebody writes meanwhile stays, and nobody who holds a row is waited for.
_WRITE = """
    WITH made AS (
        SELECT * FROM unnest(%(keys)s::{key_type}[], %(before)s::bytea[], %(after)s::bytea[]) made (key, before, after)
    ), free AS (
        SELECT kept.{key} AS key, made.after FROM {table} kept JOIN made ON kept.{key} = made.key
        WHERE kept.{quoted} = made.before ORDER BY kept.{key} FOR NO KEY UPDATE OF kept SKIP LOCKED
    )
    UPDATE {table} kept SET {quoted} = free.after FROM free WHERE kept.{key} = free.key
"""
_NEED = """
    UPDATE vault_subjectkey SET needed_by_id = %(rotation)s
    WHERE id = ANY (%(ids)s::uuid[]) AND wrapped IS NOT NULL AND needed_by_id IS DISTINCT FROM %(rotation)s
"""
_ESTIMATE = "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)"
# Above so many rows the statistics' estimate serves.
COUNTED = 200_000


class Missing(Enum):
    """Why a subject has no key to encrypt with."""

    ERASED = auto()
    DAMAGED = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """A row under a former key. `subject` is None where there is no such key."""

    key: Any
    version: Any
    sealed: bytes = field(repr=False)
    key_id: UUID | None
    subject: UUID | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """How many rows were passed, the key of the last (None: there were none), and which need new keys."""

    passed: int
    last: Any
    rows: list[Row]

    def cut(self, most: int) -> "Chunk":
        """As far as its first `most` rows that need new keys."""
        if len(self.rows) <= most:
            return self
        return Chunk(most, self.rows[most - 1].key, self.rows[:most])


@dataclass(slots=True)
class Made:
    """Rows encrypted anew, not written yet: (key, before, after); and those that cannot be."""

    changes: list[tuple[Any, bytes, bytes]] = field(default_factory=list)
    unreadable: list[Row] = field(default_factory=list)


def about(column: SealedColumn) -> int:
    """How many rows the column's table has, counted or (where there are many) estimated."""
    row = fetch_one(_ESTIMATE, [column.table])
    if row and row[0] and row[0] > COUNTED:
        return int(row[0])
    counted = fetch_one(f"SELECT count(*) FROM {column.table}")  # noqa: S608 (a table's name)
    return int(counted[0]) if counted else 0


def find(column: SealedColumn, *, after: str | None, size: int) -> Chunk:
    """The `size` rows behind the key `after`, and which of them are under a former key."""
    found = fetch_all(_said(_FIND, column), {"after": after, "size": size})
    rows = [
        Row(key, version, bytes(sealed), held, subject) for _, _, key, version, sealed, held, subject in found if sealed
    ]
    return Chunk(found[0][0], found[0][1], rows)


def find_needed(column: SealedColumn, *, after: str | None, size: int) -> tuple[int, Any, list[UUID]]:
    """The same for rows that never change: (passed, key of the last, former keys they need)."""
    found = fetch_all(_said(_FIND_NEEDED, column), {"after": after, "size": size})
    return found[0][0], found[0][1], [held for _, _, held in found if held]


def encrypt_anew(column: SealedColumn, rows: Iterable[Row]) -> Made:
    """Open each row's value and seal it under its subject's present key. What does not open raises an alert.

    Raises KeyUnavailable.
    """
    made, rows, ring = Made(), list(rows), keyring()
    ring.load({row.key_id for row in rows if row.key_id})
    keys = _present_keys(ring, column.purpose, {row.subject for row in rows if row.subject})
    for row in rows:
        bound = (row.key,) if column.version is None else (row.key, row.version)
        try:
            plain = column.place.open(Sealed(row.sealed, bound), bound)
        except SubjectErased:
            continue
        except Unreadable:
            made.unreadable.append(row)
            continue
        key = None if row.subject is None else keys[row.subject]
        if isinstance(key, DataKey):
            after = column.place.seal(plain, bound, key).ciphertext
            made.changes.append((row.key, row.sealed, after))
        elif key is not Missing.ERASED:
            made.unreadable.append(row)
    return made


def write(column: SealedColumn, made: Made) -> int:
    """Write what was made wherever the row is as it was; how many. Part of a unit of work."""
    if not made.changes:
        return 0
    keys, before, after = as_columns(made.changes, 3)
    return run_sql(_said(_WRITE, column), {"keys": keys, "before": before, "after": after})


def need(run: KeyRotation, key_ids: Iterable[UUID]) -> None:
    """Have former keys stay, since rows need them. Part of a unit of work."""
    if ids := sorted(key_ids):
        run_sql(_NEED, {"rotation": run.pk, "ids": ids})


def _present_keys(ring: Keyring, purpose: Purpose, subjects: set[UUID]) -> dict[UUID, DataKey | Missing]:
    """By subject. One may have been erased this moment, and a stored key may have been changed."""
    try:
        return dict(ring.current_many(purpose, subjects))
    except (SubjectErased, Unreadable):
        return {subject: _present_key(ring, purpose, subject) for subject in subjects}


def _present_key(ring: Keyring, purpose: Purpose, subject: UUID) -> DataKey | Missing:
    try:
        return ring.current(purpose, subject)
    except SubjectErased:
        return Missing.ERASED
    except Unreadable:
        return Missing.DAMAGED


def _said(statement: str, column: SealedColumn) -> str:
    """A statement about a column. All names come from models."""
    return statement.format(
        table=column.table,
        quoted=column.quoted,
        key=column.key,
        key_type=column.key_type,
        version=column.version or "NULL",
        key_id=_KEY_ID.format(sealed="chunk.sealed"),
    )
