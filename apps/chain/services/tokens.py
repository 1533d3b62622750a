"""From a request for a token to a token open for trading."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.chain.types import IntentView
from apps.core.db import within_unit_of_work


@within_unit_of_work
def deploy_token(
    *,
    isin: str,
    name: str,
    symbol: str,
    decimals: int,
    agents: Sequence[str] = (),
    party_id: UUID | None = None,
    now: datetime,
) -> IntentView:
    """Have an ERC-3643 token made for this ISIN; the transaction that makes it.

    `agents` may mint besides the platform's own agent. When the token is unpaused, allowed for settlement and watched
    from its first block, "chain.token_live" (key: ISIN) is published; "chain.token_failed" if it comes to nothing.
    """
    raise NotImplementedError
