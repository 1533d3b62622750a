"""Leased work: one worker at a time, and no late finish."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections

from apps.core import clock, leases
from apps.core.db import unit_of_work
from apps.core.leases import LeaseLost
from apps.core.models import WorkItem
from apps.core.types import Lease, WorkState

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
