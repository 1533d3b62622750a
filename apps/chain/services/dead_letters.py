"""Logs that did not decode, tried again with the codec of today."""

from datetime import datetime

from apps.chain import codec
from apps.chain.effects import Effect, effect_of
from apps.chain.models import DeadLetter, LateEffect, RawLog
from apps.chain.selectors.watched import watched_kinds
from apps.chain.services.holders import fold_late
from apps.chain.services.preparing import Kinds
from apps.core.daemon import Leadership
from apps.core.db import fetch_all, unit_of_work

BATCH = 1_000
LOGS = """
    SELECT d.id, l.id FROM chain_deadletter d
    JOIN chain_rawlog l ON l.block_id = d.block_id AND l.log_index = d.log_index
    WHERE d.id = ANY(%s)
"""


def decode_again(*, leadership: Leadership, now: datetime) -> int:
    """Resolve the open letters that a newer codec reads, with their effects; the number resolved. Raises Deposed."""
    kinds = watched_kinds()
    resolved, last = 0, 0
    while letters := list(DeadLetter.objects.filter(resolved_at=None, pk__gt=last).order_by("pk")[:BATCH]):
        resolved += _decode_batch(letters, kinds, leadership, now)
        last = letters[-1].pk
    return resolved


def _decode_batch(letters: list[DeadLetter], kinds: Kinds, leadership: Leadership, now: datetime) -> int:
    readable: list[DeadLetter] = []
    effects: list[LateEffect] = []
    places = dict(fetch_all(LOGS, [[letter.pk for letter in letters]]))
    logs = RawLog.objects.in_bulk(places.values())
    for letter in letters:
        log = logs[places[letter.pk]]
        try:
            event = codec.decode(log.topics, log.data, kind=kinds.get(log.address))
        except codec.Undecodable:
            continue
        letter.resolved_at = now
        readable.append(letter)
        if (effect := effect_of(event)) is not None:
            effects.append(_late(log, effect))
    if readable:
        with unit_of_work():
            leadership.fence()
            LateEffect.objects.bulk_create(effects)
            fold_late(logs=[effect.log_id for effect in effects])
            DeadLetter.objects.bulk_update(readable, ["resolved_at"])
    return len(readable)


def _late(log: RawLog, effect: Effect) -> LateEffect:
    facts = {"effect": effect.kind, "sender": effect.sender, "recipient": effect.recipient}
    return LateEffect(log=log, amount=effect.amount, **facts)
