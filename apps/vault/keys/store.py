"""The keyring's statements."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from apps.core import clock
from apps.core.db import as_columns, run_sql
from apps.core.models import CacheGeneration
from apps.vault.keys.memory import Kek

# Not from the package: its documents have encrypted columns, which need this module.
from apps.vault.models.purpose_keys import PurposeKey
from apps.vault.models.subject_keys import SubjectKey
from apps.vault.types import Purpose

# Its token changes with each commit that destroys, supersedes or retires a key.
GENERATION = "vault_keys"

# In the order of subjects: two who make the same keys wait for each other, never in a circle. Only under a key that
# is live as this commits: FOR SHARE keeps it from being retired meanwhile.
_INSERT = """
    INSERT INTO vault_subjectkey (id, purpose, subject, kek_id, wrapped, created_at)
    SELECT made.id, kek.purpose, made.subject, kek.id, made.wrapped, %(now)s
    FROM unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(wrapped)s::bytea[]) made (id, subject, wrapped)
    JOIN vault_purposekey kek
        ON kek.id = %(kek)s AND kek.retired_at IS NULL AND kek.check_value = %(check)s::bytea
    ORDER BY made.subject
    FOR SHARE OF kek
    ON CONFLICT (purpose, subject) WHERE superseded_at IS NULL DO NOTHING
"""
_INSERT_PURPOSE = """
    INSERT INTO vault_purposekey (purpose, provider, provider_key, wrapped, check_value, created_at)
    VALUES (%(purpose)s, %(provider)s, %(provider_key)s, %(wrapped)s, %(check_value)s, %(now)s)
    ON CONFLICT (purpose) WHERE retired_at IS NULL DO NOTHING
"""
_BEGIN_GENERATION = """
    INSERT INTO core_cachegeneration (path, token, changed_at) VALUES (%s, %s, %s) ON CONFLICT (path) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A subject key as it is stored; `wrapped` is None once it is destroyed."""

    id: UUID
    purpose: Purpose
    subject: UUID
    kek_id: int | None
    wrapped: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PurposeRow:
    """A purpose key as it is stored."""

    id: int
    purpose: Purpose
    provider: str
    provider_key: str
    wrapped: bytes = field(repr=False)
    check_value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewRow:
    """A subject key to be stored."""

    id: UUID
    subject: UUID
    wrapped: bytes = field(repr=False)


def generation() -> UUID | None:
    """The token of all keys, if one was ever written."""
    return CacheGeneration.objects.filter(pk=GENERATION).values_list("token", flat=True).first()


def begin_generation() -> UUID | None:
    """The token, written if there was none."""
    run_sql(_BEGIN_GENERATION, [GENERATION, uuid4(), clock.now()])
    return generation()


def live(purpose: Purpose, subjects: Sequence[UUID]) -> dict[UUID, SubjectRow]:
    """By subject: the keys that encrypt now, destroyed ones among them."""
    found = SubjectKey.objects.filter(purpose=str(purpose), subject__in=subjects, superseded_at=None)
    return {row.subject: row for row in _rows(found)}


def by_ids(ids: Sequence[UUID]) -> list[SubjectRow]:
    """Keys by their ids, as many as exist; one that a rotation has emptied and destroyed does not."""
    return _rows(SubjectKey.objects.filter(pk__in=ids).exclude(kek=None, superseded_at__isnull=False))


def insert(kek: Kek, rows: Iterable[NewRow]) -> int:
    """Store what nobody else has stored; how many. None if the purpose key has been retired, or is another here."""
    ids, subjects, wrapped = as_columns(((row.id, row.subject, row.wrapped) for row in rows), 3)
    values = {
        "ids": ids,
        "subjects": subjects,
        "wrapped": wrapped,
        "kek": kek.id,
        "check": kek.check_value,
        "now": clock.now(),
    }
    return run_sql(_INSERT, values)


def purpose_key(kek_id: int) -> PurposeRow | None:
    """A purpose key, live or retired."""
    return _purpose(PurposeKey.objects.filter(pk=kek_id).first())


def live_purpose_key(purpose: Purpose) -> PurposeRow | None:
    """The one that wraps now."""
    return _purpose(PurposeKey.objects.filter(purpose=str(purpose), retired_at=None).first())


def check_values(kek_ids: Collection[int]) -> dict[int, bytes]:
    """By id, what each of these purpose keys is recognised by."""
    found = PurposeKey.objects.filter(pk__in=kek_ids).values_list("pk", "check_value")
    return {kek_id: bytes(value) for kek_id, value in found}


def insert_purpose_key(row: PurposeRow) -> None:
    """Store it (its id is given by the database), unless another is live."""
    values = {name: getattr(row, name) for name in ("provider", "provider_key", "wrapped", "check_value")}
    run_sql(_INSERT_PURPOSE, values | {"purpose": str(row.purpose), "now": clock.now()})


def _rows(found: Iterable[SubjectKey]) -> list[SubjectRow]:
    return [
        SubjectRow(
            row.id, Purpose(row.purpose), row.subject, row.kek_id, None if row.wrapped is None else bytes(row.wrapped)
        )
        for row in found
    ]


def _purpose(row: PurposeKey | None) -> PurposeRow | None:
    if row is None:
        return None
    return PurposeRow(
        row.id, Purpose(row.purpose), row.provider, row.provider_key, bytes(row.wrapped), bytes(row.check_value)
    )
