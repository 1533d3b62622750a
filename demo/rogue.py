"""Hands in the till: with an agent's stolen key on the chain, and with the owner's password in the database.

Nothing of this goes through the product: it can only find it.
"""

from contextlib import closing
from typing import Any

import psycopg2

from demo.chain import ISSUER_AGENT, Chain, Wallet

CHANGE_BALANCE = """
    UPDATE ledger_balance SET posted = posted + %s WHERE account_id = (
        SELECT id FROM ledger_account WHERE asset = %s AND kind = 'POSITION' AND wallet_address = %s)
"""


class Rogue:
    """Somebody with an issuer's agent's key, and somebody with the rights of the database's owner."""

    def __init__(self, chain: Chain, token: str, database: str) -> None:
        self._chain, self._token, self._database = chain, token, database
        self._agent = Wallet.development(ISSUER_AGENT)

    def force_transfer(self, sender: str, recipient: str, units: int) -> str:
        """Move units from one holder to another, whom nobody asked; the transaction's hash."""
        return self._call("forcedTransfer(address,address,uint256)", sender, recipient, units)

    def freeze(self, wallet: str, units: int) -> str:
        """Freeze units of a holder; the transaction's hash."""
        return self._call("freezePartialTokens(address,uint256)", wallet, units)

    def unfreeze(self, wallet: str, units: int) -> str:
        """Free them again; the transaction's hash."""
        return self._call("unfreezePartialTokens(address,uint256)", wallet, units)

    def change_balance(self, isin: str, wallet: str, units: int) -> None:
        """Add units to a balance by SQL, without an entry that would explain them."""
        with closing(psycopg2.connect(self._database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(CHANGE_BALANCE, (units, isin, wallet))
            if cursor.rowcount != 1:
                raise RuntimeError(f"{cursor.rowcount} balances were changed, not one")

    def _call(self, signature: str, *values: Any) -> str:
        return self._chain.send(self._agent, self._token, signature, *values)
