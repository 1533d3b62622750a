"""The proof of the books: each stored balance is the fold of what was ever written."""

from apps.core.db import fetch_all
from apps.ledger.types import FoldDifference, Standing

# One statement, so one snapshot. A pending transfer is open until another row ends it.
_DIFFERENCES = """
WITH debited AS (
    SELECT debit_account_id AS account_id, sum(amount) AS units
    FROM ledger_transfer WHERE state = 'POSTED' GROUP BY debit_account_id
), credited AS (
    SELECT credit_account_id AS account_id, sum(amount) AS units
    FROM ledger_transfer WHERE state = 'POSTED' GROUP BY credit_account_id
), pending AS (
    SELECT p.debit_account_id AS account_id, sum(p.amount) AS units FROM ledger_transfer p
    WHERE p.state = 'PENDING' AND NOT EXISTS (SELECT FROM ledger_transfer r WHERE r.pending_id = p.id)
    GROUP BY p.debit_account_id
), held AS (
    SELECT account_id, sum(amount) AS units FROM ledger_hold_entry GROUP BY account_id
), folded AS (
    SELECT a.id, a.asset, b.posted, b.held, b.pending,
        coalesce(c.units, 0) - coalesce(d.units, 0) AS folded_posted,
        coalesce(p.units, 0) + coalesce(h.units, 0) AS folded_held, coalesce(p.units, 0) AS folded_pending
    FROM ledger_account a
    LEFT JOIN ledger_balance b ON b.account_id = a.id
    LEFT JOIN debited d ON d.account_id = a.id
    LEFT JOIN credited c ON c.account_id = a.id
    LEFT JOIN pending p ON p.account_id = a.id
    LEFT JOIN held h ON h.account_id = a.id
    WHERE %(asset)s::text IS NULL OR a.asset = %(asset)s
)
SELECT * FROM folded
WHERE (posted, held, pending) IS DISTINCT FROM (folded_posted, folded_held, folded_pending) ORDER BY id
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
