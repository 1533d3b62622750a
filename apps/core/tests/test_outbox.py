"""The outbox: an event is dispatched once in effect, whatever fails."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from apps.core import clock, outbox, request_id
from apps.core.daemon import Deposed, Leadership, elect
from apps.core.db import run_sql, unit_of_work
from apps.core.models import OutboxEvent, OutboxPending
from apps.core.registry import Event, registry
from apps.core.relay import Relay

ATTEMPTS = settings.SECURITY.monitoring.thresholds.dead_letter_attempts


@pytest.fixture
def delivered() -> Iterator[list[Event]]:
    """A consumer of `test.*` that writes an effect in the relay's transaction, and refuses poison."""
    seen: list[Event] = []

    def handle(event: Event) -> None:
        outbox.publish(topic="effect", key=str(event.id))
        if event.payload.get("poison"):
            raise ValueError("poison")
        seen.append(event)

    registry.consumer("test", {"test"}, handle)
    yield seen
    del registry.consumers["test"]


def publish(**payload: object) -> int:
    with unit_of_work():
        return outbox.publish(topic="test", key="k", payload=payload)


def drain(leadership: Leadership) -> None:
    while Relay().step(leadership, clock.now()):
        pass


def effects(event_id: int) -> int:
    return OutboxEvent.objects.filter(topic="effect", key=str(event_id)).count()


@pytest.mark.usefixtures("books")
class TestRelay:
    @pytest.fixture
    def leadership(self) -> Leadership:
        found = elect("relay")
        assert found is not None
        return found

    def test_dispatches_in_order_and_once(self, delivered: list[Event], leadership: Leadership) -> None:
        ids = [publish(n=n) for n in range(3)]
        drain(leadership)
        drain(leadership)
        assert [event.id for event in delivered] == ids
        assert [effects(pk) for pk in ids] == [1, 1, 1]
        assert not OutboxPending.objects.filter(event_id__in=ids).exists()

    def test_dispatches_each_under_the_id_of_who_published_it(
        self, delivered: list[Event], leadership: Leadership
    ) -> None:
        ids = {}
        for name in ("one", "two", "poisoned"):
            with request_id.working(name):
                ids[publish(poison=name == "poisoned")] = name
        drain(leadership)
        assert [(event.id, event.request_id) for event in delivered][-2:] == list(ids.items())[:2]
        caused = OutboxEvent.objects.filter(topic="effect", key__in=map(str, ids)).order_by("id")
        assert list(caused.values_list("request_id", flat=True)) == ["one", "two"]

    def test_an_event_of_a_rolled_back_transaction_never_leaves(
        self, delivered: list[Event], leadership: Leadership
    ) -> None:
        with pytest.raises(ZeroDivisionError), unit_of_work():
            outbox.publish(topic="test", key="rolled_back")
            raise ZeroDivisionError
        drain(leadership)
        assert delivered == []

    def test_poison_is_set_aside_and_stops_nobody_else(self, delivered: list[Event], leadership: Leadership) -> None:
        before, poison, after = publish(n=1), publish(poison=True), publish(n=2)
        for _ in range(ATTEMPTS):
            drain(leadership)
        assert {event.id for event in delivered} >= {before, after}
        assert effects(poison) == 0
        pending = OutboxPending.objects.get(event_id=poison)
        assert (pending.attempts, pending.dead_at is not None) == (ATTEMPTS, True)
        drain(leadership)
        assert OutboxPending.objects.get(event_id=poison).attempts == ATTEMPTS

    def test_deposed_in_the_middle_counts_no_failure(self, delivered: list[Event], leadership: Leadership) -> None:
        waiting = publish(n=1)
        with unit_of_work():
            run_sql("UPDATE core_enginestate SET epoch = epoch + 1 WHERE name = 'relay'")
        for _ in range(ATTEMPTS):
            with pytest.raises(Deposed):
                Relay().step(leadership, clock.now())
        assert OutboxPending.objects.get(event_id=waiting).attempts == 0
        assert delivered == []
