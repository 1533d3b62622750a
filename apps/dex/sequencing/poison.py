"""A command that fails even alone: recorded as rejected, so that it stops nobody and is known."""

import json

from apps.core.db import unit_of_work
from apps.dex.matching import OrderChange, OrderStatus, Side
from apps.dex.models import Command
from apps.dex.sequencing.deciding import Effects
from apps.dex.sequencing.writing import Position, write_effects
from apps.dex.types import CommandKind

CODE = "INTERNAL_ERROR"


def reject_poison(command: Command, at: Position) -> Position:
    """Commit the rejection of one command, without touching any book; the new position. Raises Deposed."""
    effects = Effects(verdicts=[(command.pk, CODE)])
    effects.journal.append(b"%d %b" % (command.pk, json.dumps([str(command.order_id), CODE]).encode()))
    if command.kind == CommandKind.NEW:
        order_id = str(command.order_id)
        effects.placed.append(command)
        effects.reasons[order_id] = CODE
        effects.changes[order_id] = OrderChange(
            order_id,
            str(command.party_id),
            Side(command.side),
            command.price or 0,
            OrderStatus.REJECTED,
            filled=0,
            canceled=0,
            remaining=0,
            hold_released=0,
            reason=None,
        )
    with unit_of_work():
        return write_effects(effects, at, {}, command.received_at)
