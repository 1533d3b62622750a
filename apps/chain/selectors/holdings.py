"""Holders of a token, folded from its final logs."""

from apps.chain.errors import NotCovered, UndecodedLogs
from apps.chain.models import DeadLetter, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.types import Holdings
from apps.chain.types.events import ZERO_ADDRESS
from apps.core.db import fetch_all

# One pass over the token's rows, whatever the planner's statistics. Up to a final block, canonical is final.
FOLD = """
    SELECT '0x' || encode(entry.wallet, 'hex'), sum(entry.units)
    FROM chain_effect moved
    CROSS JOIN LATERAL (VALUES (moved.sender, -moved.amount), (moved.recipient, moved.amount)) AS entry (wallet, units)
    WHERE moved.effect = 'M' AND moved.token = %(token)s AND moved.block_number <= %(number)s
      AND moved.block_id NOT IN (SELECT id FROM chain_block WHERE NOT canonical)
    GROUP BY entry.wallet HAVING sum(entry.units) <> 0
"""


def fold(token_address: str, at_block_number: int) -> Holdings:
    """Who held how much of a token at the end of a final block, and its supply, in base units.

    A wallet may come out negative only if the contract's logs do not tell its balances (a break to raise, not to
    hide). Raises NotCovered if the block is not final here or the contract's logs are not whole up to it, and
    UndecodedLogs if one of them could not be read: unknown is not zero.
    """
    require_known(token_address, at_block_number)
    asked = {"token": bytes.fromhex(token_address[2:]), "number": at_block_number}
    by_wallet = {wallet: int(units) for wallet, units in fetch_all(FOLD, asked)}
    supply = -by_wallet.pop(ZERO_ADDRESS, 0)
    return Holdings(token_address, at_block_number, by_wallet, supply)


def require_known(token: str, number: int) -> None:
    """Every log of a token up to a final block is stored and read. Raises NotCovered, UndecodedLogs."""
    final = blocks.final_head()
    watched = WatchedContract.objects.filter(address=token).first()
    whole = watched is not None and (watched.covered or watched.covered_to >= number)
    if not whole or final is None or final.number < number:
        raise NotCovered(address=token, block_number=number)
    unread = DeadLetter.objects.filter(address=token, block_number__lte=number, resolved_at=None, block__canonical=True)
    if unread.exists():
        raise UndecodedLogs(address=token, block_number=number)
