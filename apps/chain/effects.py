"""What a log changes of a token's holders: the one rule by which balances are folded. Pure.

ERC-20: Transfer moves, from the zero address it mints, to it it burns. ERC-3643: TokensFrozen and TokensUnfrozen; a
burn or a forced transfer of frozen units says TokensUnfrozen first. ERC-1400: Transfer, or the events of partitions.

What both families say of a movement is kept, each under its own kind: which of them counts is the token's choice, and
may be made when its logs are stored already.
"""

from dataclasses import dataclass

from apps.chain.types import (
    ChainEvent,
    EffectKind,
    IssuedByPartition,
    RedeemedByPartition,
    TokensFrozen,
    TokensUnfrozen,
    Transfer,
    TransferByPartition,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """Base units of a token that move to `recipient`, or are frozen or unfrozen there (then there is no sender)."""

    kind: EffectKind
    sender: str | None
    recipient: str
    amount: int


def effect_of(event: ChainEvent | None) -> Effect | None:
    """What an event changes, None if nothing. Of PARTITION and MOVED a token's fold reads one kind only."""
    match event:
        case Transfer(sender, recipient, amount):
            return Effect(EffectKind.MOVED, sender, recipient, amount)
        case TokensFrozen(wallet, amount):
            return Effect(EffectKind.FROZEN, None, wallet, amount)
        case TokensUnfrozen(wallet, amount):
            return Effect(EffectKind.UNFROZEN, None, wallet, amount)
        case TransferByPartition() | IssuedByPartition() | RedeemedByPartition():
            return Effect(EffectKind.PARTITION, *event.movement)
    return None
