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
    Folds,
    IssuedByPartition,
    RedeemedByPartition,
    TokensFrozen,
    TokensUnfrozen,
    Transfer,
    TransferByPartition,
)
from apps.chain.types.events import ZERO_ADDRESS

MOVES = {Folds.TRANSFER: EffectKind.MOVED, Folds.PARTITION: EffectKind.PARTITION}


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
    moved = _moved_in_partitions(event)
    return Effect(EffectKind.PARTITION, *moved) if moved else None


def _moved_in_partitions(event: ChainEvent | None) -> tuple[str, str, int] | None:
    match event:
        case TransferByPartition():
            return event.sender, event.recipient, event.amount
        case IssuedByPartition():
            return ZERO_ADDRESS, event.recipient, event.amount
        case RedeemedByPartition():
            return event.holder, ZERO_ADDRESS, event.amount
    return None


def movement_of(event: ChainEvent | None, folds: Folds) -> tuple[str, str, int] | None:
    """(sender, recipient, base units) that an event moves in a token that folds so, None if none."""
    effect = effect_of(event)
    if effect is None or effect.sender is None or effect.kind != MOVES[folds]:
        return None
    return effect.sender, effect.recipient, effect.amount
