"""The one writer of transfers, holds and balances. Whatever the service, a batch is

1. netted: one signed change an account;
2. applied: the balances locked in the order of account ids, checked and changed, or nothing is;
3. copied: transfers and holds.

Replays are looked up only where a key turns out to be used or a balance short, because they are rare. Whoever
repeats a batch waits for the same balances, so it sees what the first one committed.
"""

from collections.abc import Iterable, Sequence

from django.db import IntegrityError, transaction

from apps.core.db import copy_rows, fetch_all
from apps.core.db.constraints import translated, violated_constraint
from apps.ledger.models import LedgerHoldEntry, LedgerTransfer
from apps.ledger.selectors.balances import lock_balances
from apps.ledger.services import replays
from apps.ledger.services.covering import change_balances
from apps.ledger.services.netting import net
from apps.ledger.types import Entry, HoldEntry

_ONCE = {"ledger_transfer_once", "ledger_transfer_resolved_once", "ledger_hold_once"}
_RESERVE_IDS = "SELECT nextval('ledger_transfer_id_seq') FROM generate_series(1, %s)"
_TRANSFER_COLUMNS = (
    "id", "idem_key", "debit_account_id", "credit_account_id", "amount", "kind", "source_ref", "effective_at",
    "state", "pending_id",
)  # fmt: skip
_HOLD_COLUMNS = ("idem_key", "account_id", "amount", "source_ref")


def write(entries: Iterable[Entry], holds: Iterable[HoldEntry]) -> dict[str, int]:
    """Write a batch, all or nothing; the id of each transfer by its key. What was written before is a no-op.

    Raises InsufficientBalance, HoldOverReleased, IdempotencyConflict, AlreadyResolved, AssetMismatch,
    UnknownAccount, and InvalidValue for an amount of no use. After a refusal nothing of the batch is written, and
    the unit of work may go on.
    """
    entries, holds = replays.once(entries), replays.once(holds)
    ids = _write_unless_known(entries, holds)
    return _write_unknown(entries, holds) if ids is None else ids


def _write_unless_known(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[str, int] | None:
    """The new ids; or None, and nothing written, if a balance is short or a key of the batch is used."""
    try:
        with transaction.atomic():
            return None if change_balances(net(entries, holds)) else _append(entries, holds)
    except IntegrityError as error:
        if violated_constraint(error) in _ONCE:
            return None
        if refusal := translated(error):
            raise refusal from error
        raise


def _write_unknown(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[str, int]:
    """Write what of the batch is not a replay; if that is refused, it is refused for good."""
    lock_balances(net(entries, holds))
    known, known_holds = replays.known_transfers(entries), replays.known_holds(holds)
    entries = [entry for entry in entries if entry.idem_key not in known]
    holds = [hold for hold in holds if hold.idem_key not in known_holds]
    replays.require_unresolved(entries)
    if refusal := change_balances(net(entries, holds)):
        raise refusal
    return known | _append(entries, holds)


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
