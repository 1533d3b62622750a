"""What a batch changes, account by account. Pure arithmetic."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from apps.core.errors import InvalidValue
from apps.core.money import MAX_BASE_UNITS
from apps.ledger.types import Entry, HoldEntry, TransferState

# What an amount does to (debit posted, debit held and pending, credit posted).
_PENDING, _POSTED_PENDING = (0, 1, 0), (-1, -1, 1)
_POSTED, _ENDED = (-1, 0, 1), (0, -1, 0)

Change = list[int]  # posted, held, pending


def net(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[UUID, Change]:
    """The signed change of (posted, held, pending) of each account a batch touches. Raises InvalidValue."""
    changes: dict[UUID, Change] = defaultdict(lambda: [0, 0, 0])
    for entry in entries:
        amount = entry.amount
        if not 0 < amount <= MAX_BASE_UNITS:
            raise InvalidValue("A transfer moves between 1 and 10^38 - 1 base units.")
        posted, held, credited = effect(entry)
        debit = changes[entry.debit_account_id]
        debit[0] += posted * amount
        debit[1] += held * amount
        debit[2] += held * amount
        if credited:
            changes[entry.credit_account_id][0] += amount
    for hold in holds:
        if not 0 < abs(hold.amount) <= MAX_BASE_UNITS:
            raise InvalidValue("A hold entry changes between 1 and 10^38 - 1 base units.")
        changes[hold.account_id][1] += hold.amount
    return dict(changes)


def effect(entry: Entry) -> tuple[int, int, int]:
    """How often the amount counts in (debit posted, debit held and pending, credit posted)."""
    if entry.state == TransferState.PENDING:
        return _PENDING
    if entry.state == TransferState.POSTED:
        return _POSTED if entry.pending_id is None else _POSTED_PENDING
    return _ENDED
