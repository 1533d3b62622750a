"""Balances as they are folded: see apps.chain.services.holders."""

from apps.chain.errors import NotCovered
from apps.chain.models import HolderBalance, StreamCursor, TokenSupply, WatchedContract
from apps.chain.selectors.blocks import FINAL_FOLD, HEAD_FOLD
from apps.chain.selectors.holdings import require_known
from apps.chain.types import Holdings
from apps.core.db import snapshot


def held_at_head(token: str) -> Holdings:
    """Who holds a token at the newest block that is folded; it may still be reorganised away. Raises NotCovered."""
    return _held(token, HEAD_FOLD)


def held_at_final(token: str) -> Holdings:
    """Who holds a token at the newest final block that is folded. Raises NotCovered."""
    return _held(token, FINAL_FOLD)


def _held(token: str, fold: str) -> Holdings:
    with snapshot():
        cursor = StreamCursor.objects.filter(name=fold).first()
        if cursor is None or not WatchedContract.objects.filter(address=token, covered=True).exists():
            raise NotCovered(address=token, block_number=cursor.number if cursor else 0)
        rows = HolderBalance.objects.filter(token=token).exclude(**{fold: 0}).values_list("wallet", fold)
        supply = TokenSupply.objects.filter(token=token).values_list(fold, flat=True).first()
        return Holdings(token, cursor.number, dict(rows), supply or 0)


def folded_to(token: str, number: int) -> int:
    """The block at which the final balances of a token stand, all its logs up to `number` being known.

    Raises NotCovered, UndecodedLogs: see holdings.fold().
    """
    require_known(token, number)
    cursor = StreamCursor.objects.filter(name=FINAL_FOLD).first()
    if cursor is None or not WatchedContract.objects.filter(address=token, covered=True).exists():
        raise NotCovered(address=token, block_number=number)
    return cursor.number
