"""What a batch changes, account by account, and whether the balances cover it. Pure arithmetic."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from apps.core.errors import DomainError, InvalidValue
from apps.core.money import MAX_BASE_UNITS
from apps.ledger.errors import HoldOverReleased, InsufficientBalance
from apps.ledger.selectors.balances import Standing
from apps.ledger.types import Entry, HoldEntry, TransferState

# What an amount does to (debit posted, debit held, credit posted).
_PENDING, _POSTED_PENDING = (0, 1, 0), (-1, -1, 1)
_POSTED, _ENDED = (-1, 0, 1), (0, -1, 0)

Change = list[int]  # posted, held


def net(entries: Sequence[Entry], holds: Sequence[HoldEntry]) -> dict[UUID, Change]:
    """The signed change of (posted, held) of each account a batch touches. Raises InvalidValue."""
    changes: dict[UUID, Change] = defaultdict(lambda: [0, 0])
    for entry in entries:
        amount = entry.amount
        if not 0 < amount <= MAX_BASE_UNITS:
            raise InvalidValue("A transfer moves between 1 and 10^38 - 1 base units.")
        posted, held, credited = effect(entry)
        debit = changes[entry.debit_account_id]
        debit[0] += posted * amount
        debit[1] += held * amount
        if credited:
            changes[entry.credit_account_id][0] += amount
    for hold in holds:
        if not 0 < abs(hold.amount) <= MAX_BASE_UNITS:
            raise InvalidValue("A hold entry changes between 1 and 10^38 - 1 base units.")
        changes[hold.account_id][1] += hold.amount
    return dict(changes)


def effect(entry: Entry) -> tuple[int, int, int]:
    """How often the amount counts in (debit posted, debit held, credit posted)."""
    if entry.state == TransferState.PENDING:
        return _PENDING
    if entry.state == TransferState.POSTED:
        return _POSTED if entry.pending_id is None else _POSTED_PENDING
    return _ENDED


def uncovered(standings: Mapping[UUID, Standing], changes: Mapping[UUID, Change]) -> DomainError | None:
    """Why the balances do not cover the changes, or None: the same rules as the CHECKs of ledger_balance."""
    short, released, large = [], [], []
    for account, (posted_by, held_by) in changes.items():
        posted, held, control = standings[account]
        posted, held = posted + posted_by, held + held_by
        if held < 0:
            released.append(account)
        elif posted < held and not control:
            short.append(account)
        elif abs(posted) > MAX_BASE_UNITS or held > MAX_BASE_UNITS:
            large.append(account)
    if short:
        return InsufficientBalance(account_ids=_named(short))
    if released:
        return HoldOverReleased(account_ids=_named(released))
    return InvalidValue("A balance would exceed 10^38 - 1 base units.", account_ids=_named(large)) if large else None


def require_covered(standings: Mapping[UUID, Standing], changes: Mapping[UUID, Change]) -> None:
    """Raise InsufficientBalance, HoldOverReleased or InvalidValue, naming the accounts."""
    if refusal := uncovered(standings, changes):
        raise refusal


def _named(accounts: list[UUID]) -> list[str]:
    return sorted(map(str, accounts))
