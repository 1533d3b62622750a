"""A subject that is erased is gone: here, in every process, and for whoever comes later."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import connections

from apps.audit.models import AuditLog
from apps.core import clock
from apps.core.actor import Actor
from apps.core.daemon import elect
from apps.core.db import unit_of_work
from apps.core.errors import DomainError
from apps.core.ids import new_id
from apps.core.models import OutboxEvent
from apps.core.relay import Relay
from apps.vault.errors import InvalidReference, SubjectErased, SubjectHeld, UnknownHold
from apps.vault.keys import Keyring, keyring
from apps.vault.models import SubjectErasure, SubjectHold, SubjectKey
from apps.vault.services.erasure import erase_subject
from apps.vault.services.holds import place_hold, release_hold
from apps.vault.tests.conftest import Hands
from apps.vault.types import Purpose

OFFICER = Actor(user_id=uuid4(), party_id=None)
PERSONS = (Purpose.PERSONAL, Purpose.DOCUMENTS, Purpose.SECRETS)


def erase(subject: UUID) -> date:
    return erase_subject(actor=OFFICER, subject=subject, now=clock.now()).complete_on


def keys_left(subject: UUID) -> int:
    return SubjectKey.objects.filter(subject=subject).exclude(wrapped=None).count()


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Start all together, each on a connection of its own; how each ended."""
    together = threading.Barrier(len(acts))

    def perform(act: Callable[[], object]) -> str:
        try:
            together.wait()
            act()
        except DomainError as refused:
            return type(refused).__name__
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(perform, acts))


@pytest.mark.usefixtures("books")
class TestErasure:
    def test_destroys_every_key_and_says_when_backups_have_aged_out(self) -> None:
        subject, other = new_id(), new_id()
        for purpose in (Purpose.PERSONAL, Purpose.SECRETS):
            keyring().current(purpose, subject)
        keyring().current(Purpose.PERSONAL, other)
        assert keys_left(subject) == 2
        assert erase(subject) == (clock.now() + timedelta(days=35)).date()
        assert (keys_left(subject), keys_left(other)) == (0, 1)

    def test_is_for_good(self) -> None:
        subject = new_id()
        key = keyring().current(Purpose.PERSONAL, subject)
        erase(subject)
        for ring in (keyring(), Keyring()):
            with pytest.raises(SubjectErased):
                ring.by_id(key.id)
            assert ring.load([key.id]) == {}
            for purpose in PERSONS:
                with pytest.raises(SubjectErased):
                    ring.current(purpose, subject)
        assert keys_left(subject) == 0

    def test_done_again_says_when_it_was_done(self) -> None:
        subject = new_id()
        first = erase_subject(actor=OFFICER, subject=subject, now=clock.now())
        again = erase_subject(actor=OFFICER, subject=subject, now=clock.now() + timedelta(days=3))
        assert again == first
        assert OutboxEvent.objects.filter(key=str(subject)).count() == 1

    def test_that_is_rolled_back_destroys_nothing(self) -> None:
        subject = new_id()
        key = keyring().current(Purpose.PERSONAL, subject)
        with pytest.raises(ZeroDivisionError), unit_of_work():
            erase(subject)
            with pytest.raises(SubjectErased):
                keyring().by_id(key.id)
            raise ZeroDivisionError
        keyring().look_again()
        assert keyring().by_id(key.id).id == key.id
        assert not OutboxEvent.objects.filter(key=str(subject)).exists()

    def test_reaches_a_process_that_holds_the_key_within_a_second(self, hands: Hands) -> None:
        there, subject = hands.keyring(), new_id()
        key = there.current(Purpose.DOCUMENTS, subject)
        erase(subject)
        assert there.by_id(key.id) is key
        hands.now += 1.0
        with pytest.raises(SubjectErased):
            there.by_id(key.id)
        assert len(there) == 1

    def test_is_not_undone_by_who_read_the_key_just_before(self, hands: Hands) -> None:
        """A slow reader comes back with a key that others have been told to forget."""
        there, subject = hands.keyring(), new_id()
        key = there.current(Purpose.DOCUMENTS, subject)
        memory = there._memory
        held, epoch = memory.get(key.id), memory.epoch
        assert held is not None
        erase(subject)
        hands.now += 1.0
        with pytest.raises(SubjectErased):
            there.by_id(key.id)
        memory.put(held, epoch=epoch)
        with pytest.raises(SubjectErased):
            there.by_id(key.id)

    def test_is_in_the_audit_trail(self) -> None:
        subject = new_id()
        erase(subject)
        while Relay().step(elect("relay"), clock.now()):
            pass
        row = AuditLog.objects.get(resource_type="subject", resource_id=str(subject))
        assert (row.action, row.user_id) == ("vault.subject_erased", OFFICER.user_id)
        assert row.after == {"complete_on": SubjectErasure.objects.get(pk=subject).complete_on.isoformat()}

    def test_races_first_uses_and_leaves_no_key(self) -> None:
        """Eight make the subject's first keys while one erases it: whoever wins, no key that opens is left."""
        for _ in range(5):
            subject = new_id()
            uses = [partial(Keyring().current, PERSONS[number % 3], subject) for number in range(8)]
            outcomes = at_once(partial(erase, subject), *uses)
            assert set(outcomes[1:]) <= {"done", "SubjectErased"}
            assert outcomes[0] == "done"
            assert keys_left(subject) == 0


@pytest.mark.usefixtures("books")
class TestAHold:
    def test_forbids_the_erasure_until_the_last_is_released(self) -> None:
        subject = new_id()
        key = keyring().current(Purpose.PERSONAL, subject)
        for reference in ("case-1", "case-2"):
            place_hold(actor=OFFICER, subject=subject, reference=reference, now=clock.now())
        for reference in ("case-1", "case-2"):
            with pytest.raises(SubjectHeld):
                erase(subject)
            assert keyring().by_id(key.id).id == key.id
            release_hold(actor=OFFICER, subject=subject, reference=reference, now=clock.now())
        erase(subject)
        assert keys_left(subject) == 0

    def test_is_placed_once_and_released_once(self) -> None:
        subject = new_id()
        one = place_hold(actor=OFFICER, subject=subject, reference="case-1", now=clock.now())
        assert place_hold(actor=OFFICER, subject=subject, reference="case-1", now=clock.now()) == one
        release_hold(actor=OFFICER, subject=subject, reference="case-1", now=clock.now())
        with pytest.raises(UnknownHold):
            release_hold(actor=OFFICER, subject=subject, reference="case-1", now=clock.now())
        assert SubjectHold.objects.filter(subject=subject).count() == 1

    @pytest.mark.parametrize("reference", ["", "Grace Example", "x" * 65, "a\nb"])
    def test_names_a_case_and_no_person(self, reference: str) -> None:
        with pytest.raises(InvalidReference):
            place_hold(actor=OFFICER, subject=new_id(), reference=reference, now=clock.now())

    def test_comes_too_late_for_the_erased(self) -> None:
        subject = new_id()
        erase(subject)
        with pytest.raises(SubjectErased):
            place_hold(actor=OFFICER, subject=subject, reference="case-1", now=clock.now())

    def test_and_an_erasure_at_once_have_one_winner(self) -> None:
        for _ in range(10):
            subject = new_id()
            hold = partial(place_hold, actor=OFFICER, subject=subject, reference="case-1", now=clock.now())
            assert at_once(partial(erase, subject), hold) in (["done", "SubjectErased"], ["SubjectHeld", "done"])
