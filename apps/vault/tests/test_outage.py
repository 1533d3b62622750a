"""The key service fails: what is open serves for its time, nothing else does, and nothing is lost."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import fetch_all, unit_of_work
from apps.core.ids import new_id
from apps.core.models import Alert
from apps.vault.errors import KeyUnavailable
from apps.vault.models import PurposeKey, SubjectKey
from apps.vault.services.erasure import erase_subject
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.conftest import Bench
from apps.vault.types import Purpose

SECONDS = 300.0


def settled(bench: Bench, number: int) -> None:
    """Wait for calls made in the background."""
    end = time.monotonic() + 5
    while len(bench.kms.seen) < number and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.usefixtures("books")
class TestAnOpenKey:
    def test_asks_the_service_once_for_all_its_uses(self, bench: Bench) -> None:
        ring = bench.keyring()
        keys = ring.current_many(Purpose.PERSONAL, [new_id() for _ in range(100)])
        for key in keys.values():
            assert ring.by_id(key.id) is key
        # Made, opened to see that it opens, and opened as it was stored.
        assert bench.kms.seen == ["GenerateDataKey", "Decrypt", "Decrypt"]

    def test_stays_open_when_another_subject_is_erased(self, bench: Bench) -> None:
        ring = bench.keyring()
        ring.current(Purpose.PERSONAL, new_id())
        asked = len(bench.kms.seen)
        forgotten = new_id()
        ring.current(Purpose.PERSONAL, forgotten)
        erase_subject(actor=system_actor(), subject=forgotten, now=clock.now())
        bench.kms.behave = fake.says("KMSInternalException", 500)
        bench.now += 2
        ring.current(Purpose.PERSONAL, new_id())
        assert len(bench.kms.seen) == asked

    def test_serves_through_an_outage_for_its_time_and_no_longer(self, bench: Bench) -> None:
        ring = bench.keyring()
        key = ring.current(Purpose.PERSONAL, new_id())
        bench.kms.behave = fake.says("KMSInternalException", 500)
        for elapsed in (1.0, 151.0, 299.0):
            bench.now = 1_000 + elapsed
            assert ring.by_id(key.id) is key
            assert ring.current(Purpose.PERSONAL, key.subject) is key
            ring.current(Purpose.PERSONAL, new_id())
        bench.now = 1_000 + SECONDS
        for ask in (lambda: ring.by_id(key.id), lambda: ring.current(Purpose.PERSONAL, key.subject)):
            with pytest.raises(KeyUnavailable) as refused:
                ask()
            assert refused.value.retry_after
        assert ring.load([key.id]) == {}

    def test_serves_again_when_the_outage_is_over(self, bench: Bench) -> None:
        ring = bench.keyring()
        key = ring.current(Purpose.PERSONAL, new_id())
        bench.kms.behave = fake.says("DisabledException")
        bench.now += SECONDS
        with pytest.raises(KeyUnavailable):
            ring.by_id(key.id)
        assert Alert.objects.filter(dedup_key="vault.purpose_key:personal", resolved_at=None).exists()
        bench.kms.be_honest()
        bench.now += 1.1
        assert ring.by_id(key.id).id == key.id
        assert not Alert.objects.filter(dedup_key="vault.purpose_key:personal", resolved_at=None).exists()

    def test_is_confirmed_before_its_time_is_over(self, bench: Bench) -> None:
        ring = bench.keyring()
        key = ring.current(Purpose.PERSONAL, new_id())
        asked = len(bench.kms.seen)
        bench.now += 200
        assert ring.by_id(key.id) is key
        settled(bench, asked + 1)
        time.sleep(0.2)
        bench.now += 200
        bench.kms.behave = fake.hangs_up
        assert ring.by_id(key.id).id == key.id

    def test_leaves_the_memory_of_a_process_that_asks_no_more(self, bench: Bench) -> None:
        ring = bench.keyring(seconds=1.0)
        ring.current(Purpose.PERSONAL, new_id())
        assert len(ring) == 1
        bench.now += 2
        time.sleep(1.5)
        assert len(ring) == 0
        assert ring.purposes.ages() == {}

    def test_is_opened_anew_each_time_where_none_may_be_kept(self, bench: Bench) -> None:
        ring = bench.keyring(seconds=0.0)
        key = ring.current(Purpose.PERSONAL, new_id())
        asked = len(bench.kms.seen)
        assert ring.by_id(key.id).id == key.id
        assert len(bench.kms.seen) > asked
        bench.kms.behave = fake.hangs_up
        with pytest.raises(KeyUnavailable):
            ring.by_id(key.id)


@pytest.mark.usefixtures("books")
class TestAnOutage:
    def test_fails_the_fields_of_a_new_process_and_writes_nothing(self, bench: Bench) -> None:
        key = bench.keyring().current(Purpose.PERSONAL, new_id())
        fresh, before = bench.keyring(), SubjectKey.objects.count()
        bench.kms.behave = fake.says("AccessDeniedException")
        with unit_of_work():
            for ask in (lambda: fresh.by_id(key.id), lambda: fresh.current(Purpose.PERSONAL, new_id())):
                with pytest.raises(KeyUnavailable):
                    ask()
            # The caller's own transaction is as it was.
            assert fetch_all("SELECT 1") == [(1,)]
        assert SubjectKey.objects.count() == before

    def test_is_not_made_worse_by_those_who_wait(self, bench: Bench) -> None:
        key = bench.keyring().current(Purpose.PERSONAL, new_id())
        ring, asked = bench.keyring(), len(bench.kms.seen)
        bench.kms.behave = fake.says("ThrottlingException")
        together = threading.Barrier(16)

        def ask() -> str:
            together.wait()
            try:
                ring.by_id(key.id)
            except KeyUnavailable as refused:
                return refused.code
            finally:
                connections.close_all()
            return "opened"

        with ThreadPoolExecutor(16) as pool:
            answers = [future.result() for future in [pool.submit(ask) for _ in range(16)]]
        assert answers == ["key_unavailable"] * 16
        assert len(bench.kms.seen) - asked <= 2

    def test_keeps_nobody_waiting_for_long(self, bench: Bench) -> None:
        key = bench.keyring().current(Purpose.PERSONAL, new_id())
        ring = bench.keyring()
        bench.kms.behave = fake.late(30)
        began = time.monotonic()
        with pytest.raises(KeyUnavailable):
            ring.by_id(key.id)
        assert time.monotonic() - began < 5
        began = time.monotonic()
        with pytest.raises(KeyUnavailable):
            ring.by_id(key.id)
        assert time.monotonic() - began < 0.1


@pytest.mark.usefixtures("books")
class TestALie:
    def test_over_a_new_key_is_found_before_it_is_used(self, bench: Bench) -> None:
        bench.kms.bend = fake.replaced("Decrypt", "Plaintext", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
        with pytest.raises(KeyUnavailable):
            bench.keyring().current(Purpose.DOCUMENTS, new_id())
        assert not PurposeKey.objects.filter(purpose="documents").exists()
        alert = Alert.objects.get(dedup_key="vault.purpose_key:documents", resolved_at=None)
        assert (alert.severity, alert.summary) == (
            "CRITICAL",
            "The key service does not give the key of documents: another_key.",
        )

    def test_over_a_stored_key_encrypts_nothing(self, bench: Bench) -> None:
        bench.keyring().current(Purpose.SECRETS, new_id())
        liar, before = bench.keyring(), SubjectKey.objects.count()
        bench.kms.bend = fake.replaced("Decrypt", "Plaintext", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
        with pytest.raises(KeyUnavailable):
            liar.current(Purpose.SECRETS, new_id())
        assert SubjectKey.objects.count() == before
