"""What was written, by key."""

from collections.abc import Collection
from uuid import UUID

from apps.core.db import fetch_all
from apps.ledger.types import TransferState

_STATES = """
SELECT t.idem_key, coalesce(r.state, t.state) FROM ledger_transfer t
LEFT JOIN ledger_transfer r ON r.pending_id = t.id
WHERE t.idem_key = ANY(%s)
"""
_HOLDS = """
SELECT source_ref, sum(amount) FROM ledger_hold_entry WHERE account_id = %s
GROUP BY source_ref HAVING sum(amount) <> 0
"""


def states_of(idem_keys: Collection[str]) -> dict[str, TransferState]:
    """Where each transfer stands now: a resolved pending one has the state that ended it. Unknown keys are left out."""
    return {key: TransferState(state) for key, state in fetch_all(_STATES, [list(idem_keys)])}


def open_holds(account_id: UUID) -> dict[str, int]:
    """What hold entries hold on an account, by source_ref; pending transfers not counted. Reads all entries."""
    return {source_ref: int(total) for source_ref, total in fetch_all(_HOLDS, [account_id])}
