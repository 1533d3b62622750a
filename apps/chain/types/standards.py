"""Which events move a token's balances.

ERC-1400 tokens tell one movement by several events (Transfer, TransferByPartition, ControllerTransfer): a token's
balances are folded from one family of them, the one whose fold equals its storage. The other events move nothing.
"""

from dataclasses import dataclass

from django.db.models import TextChoices

from apps.chain.types.events import ZERO_ADDRESS, ChainEvent, Transfer
from apps.chain.types.security_tokens import IssuedByPartition, RedeemedByPartition, TransferByPartition


class TokenStandard(TextChoices):
    """What a token is."""

    ERC20 = "ERC20"
    ERC3643 = "ERC3643"
    ERC1400 = "ERC1400"


class Folds(TextChoices):
    """The family of events a token's balances are folded from."""

    TRANSFER = "TRANSFER"
    PARTITION = "PARTITION"


# In the order in which to try them.
FOLDS_OF: dict[TokenStandard, tuple[Folds, ...]] = {
    TokenStandard.ERC20: (Folds.TRANSFER,),
    TokenStandard.ERC3643: (Folds.TRANSFER,),
    TokenStandard.ERC1400: (Folds.TRANSFER, Folds.PARTITION),
}


@dataclass(frozen=True, slots=True)
class Movement:
    """Base units from one holder to another. The zero address is no holder: from it they are made, to it destroyed."""

    sender: str
    recipient: str
    amount: int


def movement(event: ChainEvent | None, folds: Folds) -> Movement | None:
    """What an event moves in a token that folds so, None for nothing."""
    if folds == Folds.TRANSFER:
        return Movement(event.sender, event.recipient, event.amount) if isinstance(event, Transfer) else None
    match event:
        case TransferByPartition():
            return Movement(event.sender, event.recipient, event.amount)
        case IssuedByPartition():
            return Movement(ZERO_ADDRESS, event.recipient, event.amount)
        case RedeemedByPartition():
            return Movement(event.holder, ZERO_ADDRESS, event.amount)
    return None
