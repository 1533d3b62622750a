"""Events leave through the outbox: the row is written in the commit that made the fact true."""

import logging
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.core import request_id
from apps.core.daemon import Deposed, Engine, Leadership
from apps.core.db import copy_rows, fetch_all, notify, unit_of_work, within_unit_of_work
from apps.core.models import OutboxEvent, OutboxPending
from apps.core.registry import Consumer, Event, registry

log = logging.getLogger(__name__)

CHANNEL = "outbox"
BATCH = 200
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


class Relay(Engine):
    """Dispatches events to their consumers: effect and dispatch in one commit."""

    name = "relay"
    channels = (CHANNEL,)

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """Dispatch one batch; true if more may wait. A poison event is retried alone and set aside at the last.

        Raises Deposed: that a newer leader has begun is no event's failure.
        """
        try:
            return self._dispatch_batch(leadership, BATCH) == BATCH
        except Deposed:
            raise
        except Exception:
            log.warning("outbox batch failed, dispatching one by one", exc_info=True)
            return self._dispatch_singly(leadership, now)

    def _dispatch_batch(self, leadership: Leadership, limit: int) -> int:
        with unit_of_work():
            leadership.fence()
            events = _waiting(limit)
            for event in events:
                _deliver(event)
            OutboxPending.objects.filter(event_id__in=[event.id for event in events]).delete()
        return len(events)

    def _dispatch_singly(self, leadership: Leadership, now: datetime) -> bool:
        waiting = OutboxPending.objects.filter(dead_at=None).order_by("event_id")
        for pk in list(waiting.values_list("event_id", flat=True)[:BATCH]):
            try:
                with unit_of_work():
                    leadership.fence()
                    for event in _waiting(1, only=pk):
                        _deliver(event)
                    OutboxPending.objects.filter(event_id=pk).delete()
            except Deposed:
                raise
            except Exception:
                log.exception("outbox event failed", extra={"event_id": pk})
                _count_failure(leadership, pk, now)
        return False


def _waiting(limit: int, only: int | None = None) -> list[Event]:
    pending = OutboxPending.objects.filter(dead_at=None).order_by("event_id")
    if only is not None:
        pending = pending.filter(event_id=only)
    locked = pending.select_for_update(skip_locked=True, of=("self",)).select_related("event")[:limit]
    events = [row.event for row in locked]
    return [Event(event.pk, event.topic, event.key, event.payload, event.request_id) for event in events]


def _consumers(topic: str) -> list[Consumer]:
    return [consumer for consumer in registry.consumers.values() if topic in consumer.topics]


def _deliver(event: Event) -> None:
    with request_id.working(event.request_id):
        for consumer in _consumers(event.topic):
            try:
                consumer.handle(event)
            except Exception:
                log.warning("event refused", extra={"event_id": event.id, "consumer": consumer.name})
                raise


def _count_failure(leadership: Leadership, event_id: int, now: datetime) -> None:
    with unit_of_work():
        leadership.fence()
        pending = OutboxPending.objects.select_for_update().filter(event_id=event_id).first()
        if pending is None:
            return
        pending.attempts += 1
        if pending.attempts >= settings.SECURITY.monitoring.thresholds.dead_letter_attempts:
            pending.dead_at = now
            log.error("outbox event set aside", extra={"event_id": event_id})
        pending.save(update_fields=["attempts", "dead_at"])
