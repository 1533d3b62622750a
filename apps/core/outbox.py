"""Events leave through the outbox: the row is written in the commit that made the fact true."""

from typing import Any

from apps.core import request_id
from apps.core.db import copy_rows, fetch_all, notify, within_unit_of_work
from apps.core.models import OutboxEvent, OutboxPending

CHANNEL = "outbox"
_RESERVE_IDS = "SELECT nextval('core_outboxevent_id_seq') FROM generate_series(1, %s)"


@within_unit_of_work
def publish(*, topic: str, key: str, payload: dict[str, Any] | None = None) -> int:
    """Write an event; the relay dispatches it after the commit. Payloads hold ids, never secrets or personal data."""
    return publish_many(topic=topic, events=[(key, payload or {})])[0]


@within_unit_of_work
def publish_many(*, topic: str, events: list[tuple[str, dict[str, Any]]]) -> list[int]:
    """Write many events of one topic by COPY; their ids in order."""
    ids = [pk for (pk,) in fetch_all(_RESERVE_IDS, [len(events)])]
    work = request_id.current()
    rows = [(pk, topic, key, payload, work) for pk, (key, payload) in zip(ids, events, strict=True)]
    copy_rows(OutboxEvent, ("id", "topic", "key", "payload", "request_id"), rows)
    copy_rows(OutboxPending, ("event_id",), [(pk,) for pk in ids])
    notify(CHANNEL)
    return ids
