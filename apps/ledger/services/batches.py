"""What the matcher writes: holds and pending transfers of one batch, with one UPDATE of the balances."""

from collections.abc import Iterable

from apps.core.db import within_unit_of_work
from apps.ledger.services import writing
from apps.ledger.services.entries import as_entry
from apps.ledger.types import HoldEntry, PendingTransfer, TransferState


@within_unit_of_work
def write_batch(*, holds: Iterable[HoldEntry], pendings: Iterable[PendingTransfer]) -> None:
    """Write holds and pending transfers, all or nothing: a hold released and its amount pending again net to nothing.

    Raises InsufficientBalance and HoldOverReleased (`context["account_ids"]`) before any row is written, so the
    caller may go on in the same unit of work; IdempotencyConflict, AssetMismatch, UnknownAccount, InvalidValue.
    """
    writing.write([as_entry(transfer, TransferState.PENDING) for transfer in pendings], holds)
