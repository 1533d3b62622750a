"""What the books said when a transfer was their newest: balances less what came after it."""

from apps.core.db import fetch_all
from apps.ledger.types import HOLDER_KINDS

# One statement, so one snapshot; only transfers after the one named are read.
_AS_OF = """
WITH later AS (
    SELECT entry.account_id, sum(entry.units) AS units
    FROM ledger_transfer t
    CROSS JOIN LATERAL (
        VALUES (t.debit_account_id, -t.amount), (t.credit_account_id, t.amount)
    ) entry (account_id, units)
    WHERE t.id > %(sequence)s AND t.state = 'POSTED'
    GROUP BY entry.account_id
)
SELECT a.wallet_address, sum(b.posted - coalesce(later.units, 0))
FROM ledger_account a JOIN ledger_balance b ON b.account_id = a.id LEFT JOIN later ON later.account_id = a.id
WHERE a.asset = %(asset)s AND a.kind = ANY(%(kinds)s) AND a.wallet_address IS NOT NULL
GROUP BY a.wallet_address HAVING sum(b.posted - coalesce(later.units, 0)) <> 0
"""


def by_wallet_at(asset: str, sequence: int) -> dict[str, int]:
    """What each wallet had of an asset, in base units, when the transfer `sequence` was the newest; none with nothing.

    `sequence` is of `balances.sequence()`, 0 for the time before the first transfer.
    """
    rows = fetch_all(_AS_OF, {"asset": asset, "sequence": sequence, "kinds": [str(kind) for kind in HOLDER_KINDS]})
    return {wallet: int(units) for wallet, units in rows}
