"""What was written before: a used key with the same content is a no-op, with other content a refusal."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from apps.core.db import fetch_all
from apps.ledger.errors import AlreadyResolved, IdempotencyConflict
from apps.ledger.types import Entry, HoldEntry, Resolution

T = TypeVar("T", Entry, HoldEntry, Resolution)

_TRANSFERS = """
SELECT id, idem_key, debit_account_id, credit_account_id, amount, kind, source_ref, state, pending_id
FROM ledger_transfer WHERE idem_key = ANY(%s)
"""
_HOLDS = "SELECT idem_key, account_id, amount, source_ref FROM ledger_hold_entry WHERE idem_key = ANY(%s)"
_RESOLVED = """
SELECT p.idem_key FROM ledger_transfer r JOIN ledger_transfer p ON p.id = r.pending_id
WHERE r.pending_id = ANY(%s)
"""


def once(batch: Iterable[T]) -> list[T]:
    """The batch without repetitions. Raises IdempotencyConflict if a key occurs with two contents."""
    rows = list(batch)
    by_key = {row.idem_key: row for row in rows}
    if len(by_key) == len(rows):
        return rows
    if differing := sorted({row.idem_key for row in rows if by_key[row.idem_key] != row}):
        raise IdempotencyConflict(idem_keys=differing)
    return list(by_key.values())


def known_transfers(entries: Sequence[Entry]) -> dict[str, int]:
    """The ids of those transfers that are written already. Raises IdempotencyConflict.

    `effective_at` is not compared: a retry may come with a later clock, and the first one counts.
    """
    rows = fetch_all(_TRANSFERS, [[entry.idem_key for entry in entries]])
    written = {row[1]: (row[0], row[2:]) for row in rows}
    differing = [e.idem_key for e in entries if e.idem_key in written and written[e.idem_key][1] != _content(e)]
    if differing:
        raise IdempotencyConflict(idem_keys=sorted(differing))
    return {key: pk for key, (pk, _) in written.items()}


def _content(entry: Entry) -> tuple[object, ...]:
    return (
        entry.debit_account_id,
        entry.credit_account_id,
        entry.amount,
        entry.kind,
        entry.source_ref,
        entry.state,
        entry.pending_id,
    )


def known_holds(holds: Sequence[HoldEntry]) -> set[str]:
    """The keys of those hold entries that are written already. Raises IdempotencyConflict."""
    rows = fetch_all(_HOLDS, [[hold.idem_key for hold in holds]])
    written = {row[0]: HoldEntry(row[0], row[1], int(row[2]), row[3]) for row in rows}
    differing = [hold.idem_key for hold in holds if written.get(hold.idem_key, hold) != hold]
    if differing:
        raise IdempotencyConflict(idem_keys=sorted(differing))
    return set(written)


def require_unresolved(entries: Sequence[Entry]) -> None:
    """Raise AlreadyResolved if a pending transfer has its end already."""
    ending = [entry.pending_id for entry in entries if entry.pending_id is not None]
    if not ending:
        return
    if ended := sorted(row[0] for row in fetch_all(_RESOLVED, [ending])):
        raise AlreadyResolved(pending_idem_keys=ended)
