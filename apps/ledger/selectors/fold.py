"""The proof of the books: each stored balance is the fold of what was ever written."""

from apps.core.db import fetch_all
from apps.ledger.types import FoldDifference, Standing

# One statement, so one snapshot. A pending transfer is open until another row ends it.
_DIFFERENCES = """
WITH moved AS (
    SELECT debit_account_id AS account_id, -amount AS posted, 0::numeric AS held, 0::numeric AS pending
    FROM ledger_transfer WHERE state = 'POSTED'
    UNION ALL
    SELECT credit_account_id, amount, 0, 0 FROM ledger_transfer WHERE state = 'POSTED'
    UNION ALL
    SELECT p.debit_account_id, 0, p.amount, p.amount FROM ledger_transfer p
    WHERE p.state = 'PENDING' AND NOT EXISTS (SELECT FROM ledger_transfer r WHERE r.pending_id = p.id)
    UNION ALL
    SELECT account_id, 0, amount, 0 FROM ledger_hold_entry
), folded AS (
    SELECT account_id, sum(posted) AS posted, sum(held) AS held, sum(pending) AS pending
    FROM moved GROUP BY account_id
)
SELECT a.id, a.asset, b.posted, b.held, b.pending,
    coalesce(f.posted, 0), coalesce(f.held, 0), coalesce(f.pending, 0)
FROM ledger_account a
LEFT JOIN ledger_balance b ON b.account_id = a.id
LEFT JOIN folded f ON f.account_id = a.id
WHERE (%(asset)s::text IS NULL OR a.asset = %(asset)s)
  AND (b.posted, b.held, b.pending)
    IS DISTINCT FROM (coalesce(f.posted, 0), coalesce(f.held, 0), coalesce(f.pending, 0))
ORDER BY a.id
"""
_SUMS = """
SELECT a.asset, sum(b.posted) FROM ledger_balance b JOIN ledger_account a ON a.id = b.account_id
GROUP BY a.asset HAVING sum(b.posted) <> 0
"""


def fold_check(asset: str | None = None) -> list[FoldDifference]:
    """Accounts (of one asset, or all) whose balance is not the fold of their transfers and holds: none in sound books.

    Reads every transfer: for reconciliation and tests, not for requests.
    """
    rows = fetch_all(_DIFFERENCES, {"asset": asset})
    return [
        FoldDifference(
            account_id=row[0],
            asset=row[1],
            stored=None if row[2] is None else Standing(*map(int, row[2:5])),
            folded=Standing(*map(int, row[5:8])),
        )
        for row in rows
    ]


def unbalanced_assets() -> dict[str, int]:
    """Assets whose accounts, control accounts included, do not sum to zero: none in sound books."""
    return {asset: int(total) for asset, total in fetch_all(_SUMS)}
