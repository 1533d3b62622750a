"""Events of tokens that are bound to securities, as clients read them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import TextChoices


class TokenEventKind(TextChoices):
    """What happened, in the words of the trade. A forced transfer has no event of its own: it is a TRANSFER."""

    MINT = "MINT"
    BURN = "BURN"
    TRANSFER = "TRANSFER"
    TOKENS_FROZEN = "TOKENS_FROZEN"
    TOKENS_UNFROZEN = "TOKENS_UNFROZEN"
    WALLET_FROZEN = "WALLET_FROZEN"
    WALLET_UNFROZEN = "WALLET_UNFROZEN"
    PAUSED = "PAUSED"
    UNPAUSED = "UNPAUSED"
    RECOVERED = "RECOVERED"
    AGENT_ADDED = "AGENT_ADDED"
    AGENT_REMOVED = "AGENT_REMOVED"
    TRANSFERRED_BY_PARTITION = "TRANSFERRED_BY_PARTITION"
    ISSUED_BY_PARTITION = "ISSUED_BY_PARTITION"
    REDEEMED_BY_PARTITION = "REDEEMED_BY_PARTITION"
    ISSUED = "ISSUED"
    REDEEMED = "REDEEMED"
    CONTROLLER_TRANSFER = "CONTROLLER_TRANSFER"
    CONTROLLER_REDEMPTION = "CONTROLLER_REDEMPTION"
    OTHER = "OTHER", "any other event of the token's contract"


class EventFinality(TextChoices):
    """Whether an event can still be reorganised away, or was."""

    OBSERVED = "OBSERVED", "it may still be reorganised away"
    FINAL = "FINAL", "it stays"
    ORPHANED = "ORPHANED", "it was reorganised away"


@dataclass(frozen=True, slots=True)
class TokenEventView:
    """One event of a token. What an event does not tell is None; `amount` is in base units of `decimals`.

    A freeze names its wallet as `to_address`, a recovery the lost one as `from_address`. `is_decoded` is False for a
    log that claims a known event and is not one: its topics say which, and nothing else of it is told. `intent_id` is
    the transaction of ours that it came of.
    """

    id: int
    isin: str
    token_address: str
    event: TokenEventKind
    from_address: str | None
    to_address: str | None
    amount: int | None
    decimals: int
    partition: str | None
    is_decoded: bool
    tx_hash: str
    block_number: int
    block_hash: str
    block_time: datetime
    log_index: int
    finality: EventFinality
    intent_id: UUID | None
