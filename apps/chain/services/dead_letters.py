"""Logs that did not decode, tried again with the codec of today."""

from datetime import datetime

from apps.chain import codec
from apps.chain.effects import effect_of
from apps.chain.models import DeadLetter, LateEffect, RawLog
from apps.chain.services.holders import fold_late
from apps.core.db import unit_of_work

BATCH = 1_000


def decode_again(*, now: datetime) -> int:
    """Resolve the open letters that a newer codec reads, with their effects; the number resolved."""
    letters = list(DeadLetter.objects.filter(resolved_at=None).order_by("pk")[:BATCH])
    readable: list[DeadLetter] = []
    effects: list[LateEffect] = []
    for letter in letters:
        log = RawLog.objects.get(block_id=letter.block_id, log_index=letter.log_index)
        try:
            event = codec.decode(log.topics, log.data)
        except codec.Undecodable:
            continue
        letter.resolved_at = now
        readable.append(letter)
        if (effect := effect_of(event)) is not None:
            facts = {"effect": effect.kind, "sender": effect.sender, "recipient": effect.recipient}
            effects.append(LateEffect(log=log, amount=effect.amount, **facts))
    with unit_of_work():
        LateEffect.objects.bulk_create(effects)
        fold_late(logs=[effect.log_id for effect in effects])
        DeadLetter.objects.bulk_update(readable, ["resolved_at"])
    return len(readable)
