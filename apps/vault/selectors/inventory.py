"""Which keys there are, how old, and what hangs on each."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.core.cache import cache_result
from apps.core.db import fetch_all
from apps.core.metrics import COUNTED_TO
from apps.vault.rotation.columns import SealedColumn, sealed_columns
from apps.vault.types import Purpose

KEPT_SECONDS = 60
_KEYS = "SELECT kek_id, count(*), 0 FROM vault_subjectkey WHERE wrapped IS NOT NULL GROUP BY kek_id"
# Of one column, by the purpose key its rows hang on: what is in the header says which key wrapped the subject's key
# once, the subject's key says which does now.
_VALUES = """
    SELECT held.kek_id, 0, count(*) FROM (
        SELECT {quoted} AS sealed FROM {table} WHERE {quoted} IS NOT NULL LIMIT {most}
    ) part JOIN vault_subjectkey held ON held.id = encode(substring(part.sealed from 8 for 16), 'hex')::uuid
    WHERE held.wrapped IS NOT NULL GROUP BY held.kek_id
"""


@dataclass(frozen=True, slots=True)
class Hanging:
    """What a purpose key's loss would take with it. `values` are counted up to a bound a column: `more` says if so."""

    subject_keys: int
    values: int
    more: bool


def hanging() -> dict[int, Hanging]:
    """By purpose key; as of a minute ago at most."""
    found: dict[int, Hanging] = {}
    for kek_id, keys, values, more in _counts():
        before = found.get(kek_id, Hanging(0, 0, more=False))
        found[kek_id] = Hanging(before.subject_keys + keys, before.values + values, before.more or bool(more))
    return found


def expires_at(created_at: datetime) -> datetime:
    """When a purpose key is to be replaced."""
    return created_at + timedelta(days=settings.SECURITY.encryption.rotation_days)


@cache_result("vault_inventory", timeout=KEPT_SECONDS)
def _counts() -> list[list[int]]:
    """[purpose key, subject keys, values, whether there are more] of each, in parts to be summed."""
    columns = [column for purpose in Purpose for column in sealed_columns(purpose)]
    found = fetch_all(" UNION ALL ".join([_KEYS, *map(_counted, columns)]))
    return [[kek_id, keys, values, values >= COUNTED_TO] for kek_id, keys, values in found]


def _counted(column: SealedColumn) -> str:
    return _VALUES.format(quoted=column.quoted, table=column.table, most=COUNTED_TO)
