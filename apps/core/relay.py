"""The relay: what left through the outbox reaches its consumers."""

import logging
from datetime import datetime

from django.conf import settings

from apps.core import request_id
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.daemon import Deposed, Engine, Leadership
from apps.core.db import notify, unit_of_work
from apps.core.models import OutboxPending
from apps.core.outbox import CHANNEL
from apps.core.registry import Consumer, Event, registry
from apps.core.types import Condition, Severity

log = logging.getLogger(__name__)

BATCH = 200
# Of the alerts the relay raises.
SOURCE = "outbox"


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
        pending = (
            OutboxPending.objects.select_for_update(of=("self",))
            .select_related("event")
            .filter(event_id=event_id)
            .first()
        )
        if pending is None:
            return
        pending.attempts += 1
        if pending.attempts >= _most_attempts():
            pending.dead_at = now
            log.error("outbox event set aside", extra={"event_id": event_id})
        pending.save(update_fields=["attempts", "dead_at"])
        if pending.dead_at is not None:
            _raise_dead(pending.event.topic, now)


def _raise_dead(topic: str, now: datetime) -> None:
    found = dead_condition(topic)
    raise_alert(dedup_key=dead_key(topic), severity=found.severity, summary=found.summary, now=now, source=SOURCE)


def _most_attempts() -> int:
    return settings.SECURITY.monitoring.thresholds.dead_letter_attempts


def dead_key(topic: str) -> str:
    """The alert's key while events of `topic` are set aside."""
    return f"{SOURCE}.dead:{topic}"


def dead_condition(topic: str) -> Condition:
    """What is wrong then."""
    return Condition(
        Severity.ERROR,
        f"Events of {topic} failed {_most_attempts()} times and were set aside: their consumers do not know.",
    )


def revive(*, topic: str, now: datetime) -> int:
    """Dispatch again what of `topic` was set aside, and resolve its alert; the number of events."""
    with unit_of_work():
        dead = OutboxPending.objects.filter(dead_at__isnull=False, event__topic=topic)
        revived = OutboxPending.objects.filter(pk__in=list(dead.values_list("pk", flat=True))).update(
            dead_at=None, attempts=0
        )
        notify(CHANNEL)
        resolve_alert(dedup_key=dead_key(topic), now=now)
    return revived
