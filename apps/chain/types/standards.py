"""What a token is, and which of its events its balances are folded from.

ERC-1400 tokens tell one movement by several events (Transfer, TransferByPartition, ControllerTransfer): a token's
balances are folded from one family of them, the one whose fold equals its storage. The other events move nothing.
"""

from django.db.models import TextChoices


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
