"""Leased work: one worker at a time, and no late finish."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from celery import Celery
from django.conf import settings
from django.db import connections
from django.test import override_settings

from apps.core import clock, leases
from apps.core.db import unit_of_work
from apps.core.devstack.ports import free_port
from apps.core.leases import LeaseLost
from apps.core.models import WorkItem
from apps.core.registry import registry
from apps.core.types import Lease, WorkState
from apps.core.waking import Waker

ATTEMPTS = settings.SECURITY.monitoring.thresholds.dead_letter_attempts


def enqueue(key: str, kind: str = "job") -> bool:
    with unit_of_work():
        return leases.enqueue(kind=kind, key=key, now=clock.now())


def complete(lease: Lease) -> None:
    with unit_of_work():
        leases.complete(lease=lease, now=clock.now())


@pytest.mark.usefixtures("books")
class TestLeases:
    def test_work_is_queued_once_by_its_key(self) -> None:
        assert enqueue("a", "once")
        assert not enqueue("a", "once")
        assert WorkItem.objects.filter(kind="once").count() == 1

    def test_eight_workers_share_forty_items_without_overlap(self) -> None:
        for number in range(40):
            enqueue(str(number), "shared")
        taken: list[str] = []
        barrier = threading.Barrier(8)

        def work() -> None:
            barrier.wait()
            while found := leases.take(kind="shared", now=clock.now(), limit=3):
                taken.extend(lease.key for lease in found)
                for lease in found:
                    complete(lease)
            connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken, key=int) == [str(number) for number in range(40)]
        assert set(WorkItem.objects.filter(kind="shared").values_list("state", flat=True)) == {WorkState.DONE}

    def test_whoever_finishes_after_the_sweep_changes_nothing(self) -> None:
        enqueue("late", "late")
        first = leases.take(kind="late", now=clock.now(), seconds=1)[0]
        assert leases.sweep(now=clock.now() + timedelta(seconds=2)) == 1
        second = leases.take(kind="late", now=clock.now() + timedelta(seconds=3))[0]
        with pytest.raises(LeaseLost):
            complete(first)
        with pytest.raises(LeaseLost):
            leases.fail(lease=first, error="late", now=clock.now())
        complete(second)
        assert WorkItem.objects.get(kind="late").state == WorkState.DONE

    def test_repeated_failure_sets_the_work_aside(self) -> None:
        enqueue("bad", "bad")
        now = clock.now()
        for _ in range(ATTEMPTS):
            lease = leases.take(kind="bad", now=now)[0]
            leases.fail(lease=lease, error="broken", now=now)
            assert leases.take(kind="bad", now=now) == []
            now += timedelta(hours=1)
        item = WorkItem.objects.get(kind="bad")
        assert (item.state, item.attempts, item.last_error) == (WorkState.DEAD, ATTEMPTS, "broken")

    def test_work_whose_workers_keep_dying_is_set_aside(self) -> None:
        enqueue("deadly", "deadly")
        now = clock.now()
        for _ in range(ATTEMPTS):
            assert leases.take(kind="deadly", now=now, seconds=1)
            now += timedelta(minutes=1)
            leases.sweep(now=now)
        assert WorkItem.objects.get(kind="deadly").state == WorkState.DEAD

    def test_a_living_worker_keeps_its_lease(self) -> None:
        enqueue("long", "long")
        (lease,) = leases.take(kind="long", now=clock.now(), seconds=1.5)
        with leases.kept(lease):
            time.sleep(2.2)
            assert leases.sweep(now=clock.now()) == 0
        complete(lease)

    def test_a_lease_is_never_shortened_and_a_lost_one_not_renewed(self) -> None:
        enqueue("renewed", "renewed")
        (lease,) = leases.take(kind="renewed", now=clock.now(), seconds=60)
        leases.renew(lease=lease, now=clock.now(), seconds=1)
        assert WorkItem.objects.get(kind="renewed").lease_until == lease.until
        complete(lease)
        with pytest.raises(LeaseLost):
            leases.renew(lease=lease, now=clock.now())

    def test_swept_work_keeps_its_place_in_the_queue(self) -> None:
        enqueue("older", "placed")
        leases.take(kind="placed", now=clock.now(), seconds=1)
        enqueue("newer", "placed")
        later = clock.now() + timedelta(seconds=2)
        leases.sweep(now=later)
        assert [lease.key for lease in leases.take(kind="placed", now=later)] == ["older"]


@pytest.fixture
def kind() -> Iterator[str]:
    """A kind of work that a task does."""
    registry.work_kind("woken", "nobody.does")
    yield "woken"
    del registry.work["woken"]


@pytest.mark.usefixtures("books")
class TestTheWaker:
    def test_wakes_what_is_due_and_in_nobodys_hands_ever_more_rarely(self, kind: str) -> None:
        waker, now = Waker(), clock.now()
        assert waker.wake(now) == 0
        enqueue("one", kind)
        now = clock.now()
        sent = [second for second in range(20) if waker.wake(now + timedelta(seconds=second))]
        assert sent == [0, 2, 6, 14]
        (lease,) = leases.take(kind=kind, now=now + timedelta(seconds=20))
        assert waker.wake(now + timedelta(seconds=23)) == 0
        leases.sweep(now=now + timedelta(seconds=25))
        assert waker.wake(now + timedelta(seconds=25)) == 1
        assert lease.attempts == 1

    def test_goes_on_without_a_broker(self, kind: str) -> None:
        enqueue("unheard", kind)
        with override_settings(TASKS_APP="apps.core.tests.test_leases.BROKERLESS"):
            assert Waker().wake(clock.now()) == 0


BROKERLESS = Celery(broker=f"redis://127.0.0.1:{free_port()}/0", set_as_current=False)
