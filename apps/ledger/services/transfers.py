"""Transfers: posted at once, or pending first and then posted, voided or expired, exactly once.

Each list is a linked group: all of it is written, or none. Ids come back by idempotency key; a key used before
with the same content is a no-op.

A call locks its balances in the order of account ids until the unit of work ends. A unit of work that makes several
calls and may meet others on the same accounts locks them all first: selectors.balances.lock_balances().
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.core.db import fetch_all, within_unit_of_work
from apps.ledger.errors import AlreadyResolved, UnknownTransfer
from apps.ledger.services import replays, writing
from apps.ledger.services.cash import move_cash_external
from apps.ledger.services.entries import as_entry
from apps.ledger.types import Entry, PendingTransfer, Resolution, Transfer, TransferState

__all__ = ["expire_many", "move_cash_external", "pend_many", "post_many", "transfer_many", "void_many"]

_PENDINGS = """
SELECT idem_key, id, debit_account_id, credit_account_id, amount, kind, source_ref
FROM ledger_transfer WHERE idem_key = ANY(%s) AND state = 'PENDING'
"""


@within_unit_of_work
def transfer_many(transfers: Iterable[Transfer]) -> dict[str, int]:
    """Post transfers at once. Raises what writing.write() raises."""
    return writing.write([as_entry(transfer, TransferState.POSTED) for transfer in transfers], [])


@within_unit_of_work
def pend_many(transfers: Iterable[PendingTransfer]) -> dict[str, int]:
    """Reserve transfers' amounts on their debit accounts. Raises what writing.write() raises."""
    return writing.write([as_entry(transfer, TransferState.PENDING) for transfer in transfers], [])


@within_unit_of_work
def post_many(resolutions: Iterable[tuple[str, str, datetime]]) -> dict[str, int]:
    """Post pending transfers: (pending's key, own key, effective_at). Raises UnknownTransfer, AlreadyResolved."""
    return _resolve(resolutions, TransferState.POSTED)


@within_unit_of_work
def void_many(resolutions: Iterable[tuple[str, str, datetime]]) -> dict[str, int]:
    """Give back what pending transfers reserved. Raises UnknownTransfer, AlreadyResolved."""
    return _resolve(resolutions, TransferState.VOIDED)


@within_unit_of_work
def expire_many(resolutions: Iterable[tuple[str, str, datetime]]) -> dict[str, int]:
    """Give back what pending transfers reserved, as their time is over. Raises UnknownTransfer, AlreadyResolved."""
    return _resolve(resolutions, TransferState.EXPIRED)


def _resolve(resolutions: Iterable[tuple[str, str, datetime]], state: TransferState) -> dict[str, int]:
    wanted = replays.once(Resolution(*resolution) for resolution in resolutions)
    rows = fetch_all(_PENDINGS, [[resolution.pending_idem_key for resolution in wanted]])
    pendings = {row[0]: row[1:] for row in rows}
    if unknown := sorted({r.pending_idem_key for r in wanted} - pendings.keys()):
        raise UnknownTransfer(pending_idem_keys=unknown)
    if len(pendings) < len(wanted):
        counts = Counter(resolution.pending_idem_key for resolution in wanted)
        raise AlreadyResolved(pending_idem_keys=sorted(key for key, ends in counts.items() if ends > 1))
    return writing.write([_end(resolution, pendings[resolution.pending_idem_key], state) for resolution in wanted], [])


def _end(resolution: Resolution, pending: tuple[Any, ...], state: TransferState) -> Entry:
    pending_id, debit, credit, amount, kind, source_ref = pending
    return Entry(
        resolution.idem_key, debit, credit, int(amount), kind, source_ref, resolution.effective_at, state, pending_id
    )
