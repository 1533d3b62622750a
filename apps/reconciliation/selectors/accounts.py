"""Whose ledger accounts are."""

from collections.abc import Collection
from uuid import UUID

from apps.core.db import fetch_all


def wallets_of_accounts(account_ids: Collection[UUID]) -> dict[UUID, str]:
    """The wallet of each account that has one; control accounts have none."""
    if not account_ids:
        return {}
    statement = "SELECT id, wallet_address FROM ledger_account WHERE id = ANY(%s) AND kind IN ('POSITION', 'CASH')"
    return {pk: wallet for pk, wallet in fetch_all(statement, [list(account_ids)]) if wallet}
