"""The one writer of transfers, holds and balances. Whatever the service, a batch is

1. netted: one signed change of `posted` and `held` an account;
2. locked: the balances, in the order of account ids;
3. checked: every balance covered, or nothing is written;
4. copied: transfers and holds;
5. applied: one UPDATE of all balances.

Replays are looked up only where a key turns out to be used or a balance short, because they are rare. Whoever
repeats a batch waits for the same balances, so it sees what the first one committed.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core.db import copy_rows, fetch_all, run_sql
from apps.core.db.constraints import violated_constraint
from apps.ledger.models import LedgerHoldEntry, LedgerTransfer
from apps.ledger.selectors.balances import Standing, as_array, lock_standings
from apps.ledger.services import replays
from apps.ledger.services.netting import Change, net, require_covered, uncovered
from apps.ledger.types import Entry, HoldEntry

_ONCE = {"ledger_transfer_once", "ledger_transfer_resolved_once", "ledger_hold_once"}
_RESERVE_IDS = "SELECT nextval('ledger_transfer_id_seq') FROM generate_series(1, %s)"
_TRANSFER_COLUMNS = (
    "id", "idem_key", "debit_account_id", "credit_account_id", "amount", "kind", "source_ref", "effective_at",
    "state", "pending_id",
)  # fmt: skip
_HOLD_COLUMNS = ("idem_key", "account_id", "amount", "source_ref")
_APPLY = """
UPDATE ledger_balance b SET posted = b.posted + d.posted, held = b.held + d.held
FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[]) AS d (account_id, posted, held)
WHERE b.account_id = d.account_id
"""


def write(entries: Iterable[Entry], holds: Iterable[HoldEntry]) -> dict[str, int]:
    """Write a batch, all or nothing; the id of each transfer by its key. What was written before is a no-op.

    Raises InsufficientBalance, HoldOverReleased, IdempotencyConflict, AlreadyResolved, AssetMismatch,
    UnknownAccount, and InvalidValue for an amount of no use; no row has been written then.
    """
    entries, holds = replays.once(entries), replays.once(holds)
    changes = net(entries, holds)
    standings = lock_standings(changes)
    if not uncovered(standings, changes) and (ids := _try_append(entries, holds)) is not None:
        _apply(changes)
        return ids
    return _write_fresh(entries, holds, standings)


def _write_fresh(
    entries: Sequence[Entry], holds: Sequence[HoldEntry], standings: Mapping[UUID, Standing]
) -> dict[str, int]:
    """Write what of the batch is not a replay."""
    known = replays.known_transfers(entries)
    known_holds = replays.known_holds(holds)
    entries = [entry for entry in entries if entry.idem_key not in known]
    holds = [hold for hold in holds if hold.idem_key not in known_holds]
    replays.require_unresolved(entries)
    changes = net(entries, holds)
    require_covered(standings, changes)
    ids = _append(entries, holds)
    _apply(changes)
    return known | ids


def _try_append(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[str, int] | None:
    """The new ids, or None (and nothing written) if a key of the batch is used already."""
    try:
        # The savepoint covers the COPYs alone: a balance locked outside and updated inside it would need a multixact.
        with transaction.atomic():
            return _append(entries, holds)
    except IntegrityError as error:
        if violated_constraint(error) in _ONCE:
            return None
        raise


def _append(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[str, int]:
    ids: dict[str, int] = {}
    if entries:
        reserved = [row[0] for row in fetch_all(_RESERVE_IDS, [len(entries)])]
        rows = [(pk, *entry) for pk, entry in zip(reserved, entries, strict=True)]
        copy_rows(LedgerTransfer, _TRANSFER_COLUMNS, rows)
        ids = {entry.idem_key: pk for pk, entry in zip(reserved, entries, strict=True)}
    if holds:
        copy_rows(LedgerHoldEntry, _HOLD_COLUMNS, [(h.idem_key, h.account_id, h.amount, h.source_ref) for h in holds])
    return ids


def _apply(changes: Mapping[UUID, Change]) -> None:
    moved = [(account, posted, held) for account, (posted, held) in changes.items() if posted or held]
    if moved:
        run_sql(_APPLY, [as_array(column) for column in zip(*moved, strict=True)])
