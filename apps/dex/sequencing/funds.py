"""What accounts have available while a batch is decided.

The balance row is the truth: it is read at the start of each batch, and once more before an order is refused for
lack. What the batch itself holds and releases is kept here until the commit applies it.
"""

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from apps.ledger.selectors.balances import balances


class Funds:
    """Available base units by account, as this batch sees them."""

    def __init__(self, account_ids: Collection[UUID]) -> None:
        self._stored = {pk: balance.available for pk, balance in balances(account_ids).items()}
        self._moved: Counter[UUID] = Counter()

    def hold(self, account_id: UUID, amount: int) -> bool:
        """Set `amount` aside if the account covers it."""
        if self._lacks(account_id, amount):
            self._stored[account_id] = balances([account_id])[account_id].available
            if self._lacks(account_id, amount):
                return False
        self._moved[account_id] -= amount
        return True

    def release(self, account_id: UUID, amount: int) -> None:
        """Give back what a fill at a better price or a cancel set free."""
        self._moved[account_id] += amount

    def _lacks(self, account_id: UUID, amount: int) -> bool:
        return self._stored[account_id] + self._moved[account_id] < amount
