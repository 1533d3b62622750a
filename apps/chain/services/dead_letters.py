"""Logs that did not decode, tried again with the codec of today."""

from datetime import datetime

from apps.chain import codec
from apps.chain.models import DeadLetter, LateTransfer, RawLog
from apps.chain.types import Transfer
from apps.core.db import unit_of_work

BATCH = 1_000


def decode_again(*, now: datetime) -> int:
    """Resolve the open letters that a newer codec reads, with their transfers; the number resolved."""
    letters = list(DeadLetter.objects.filter(resolved_at=None).order_by("pk")[:BATCH])
    readable: list[DeadLetter] = []
    transfers: list[LateTransfer] = []
    for letter in letters:
        log = RawLog.objects.get(block_id=letter.block_id, log_index=letter.log_index)
        try:
            event = codec.decode(log.topics, log.data)
        except codec.Undecodable:
            continue
        letter.resolved_at = now
        readable.append(letter)
        if isinstance(event, Transfer):
            transfers.append(LateTransfer(log=log, sender=event.sender, recipient=event.recipient, amount=event.amount))
    with unit_of_work():
        LateTransfer.objects.bulk_create(transfers, ignore_conflicts=True)
        DeadLetter.objects.bulk_update(readable, ["resolved_at"])
    return len(readable)
