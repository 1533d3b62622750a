"""Many processes and one key: they make it once, and survive each other's death, rotation and erasure."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.errors import DomainError
from apps.core.ids import new_id
from apps.vault.errors import SubjectErased
from apps.vault.keys import Keyring, keyring
from apps.vault.models import PurposeKey, SubjectKey
from apps.vault.services.erasure import erase_subject
from apps.vault.services.purpose_keys import replace_purpose_key
from apps.vault.tests.conftest import Hands
from apps.vault.types import Purpose

fork = multiprocessing.get_context("fork")
NONCE = b"n" * 12
PROCESSES = 16


class Child:
    """A forked process that waits for a word, does one thing and says what came of it."""

    def __init__(self, act: Callable[[], Any]) -> None:
        connections.close_all()
        self._ours, theirs = fork.Pipe()
        self.process = fork.Process(target=_live, args=(theirs, act))
        self.process.start()
        assert self._ours.poll(30)
        assert self._ours.recv() == "ready"

    def go(self) -> None:
        self._ours.send("go")

    def answer(self) -> Any:
        assert self._ours.poll(30), "no answer"
        found = self._ours.recv()
        self.process.join(10)
        return found


def _live(pipe: Connection, act: Callable[[], Any]) -> None:
    connections["default"].ensure_connection()
    pipe.send("ready")
    pipe.recv()
    try:
        pipe.send(act())
    except DomainError as error:
        pipe.send(type(error).__name__)
    except Exception:
        traceback.print_exc()
        raise
    finally:
        connections.close_all()
        os._exit(0)


def together(*acts: Callable[[], Any]) -> list[Any]:
    children = [Child(act) for act in acts]
    for child in children:
        child.go()
    return [child.answer() for child in children]


@pytest.mark.usefixtures("books")
class TestFirstUses:
    @pytest.mark.parametrize("within", [False, True], ids=["alone", "in a unit of work"])
    def test_of_one_subject_by_sixteen_processes_make_one_key(self, within: bool) -> None:
        """The purpose has no key either: it is made in the same race."""
        purpose, subject = (Purpose.SECRETS, Purpose.DOCUMENTS)[within], new_id()

        def encrypt() -> tuple[UUID, bytes]:
            if within:
                with unit_of_work():
                    key = keyring().current(purpose, subject)
            else:
                key = keyring().current(purpose, subject)
            return key.id, key.cipher.encrypt(NONCE, b"Grace Example", b"")

        answers = together(*[encrypt] * PROCESSES)
        assert len(set(answers)) == 1
        assert SubjectKey.objects.filter(subject=subject).count() == 1
        assert PurposeKey.objects.filter(purpose=str(purpose)).count() == 1
        key_id, sealed = answers[0]
        assert keyring().by_id(key_id).cipher.decrypt(NONCE, sealed, b"") == b"Grace Example"

    def test_of_many_subjects_in_any_order_end(self) -> None:
        """Sixteen make the same two hundred keys, half of them beginning at the other end, each in a unit of work."""
        subjects = [new_id() for _ in range(200)]

        def make(order: list[UUID]) -> frozenset[UUID]:
            with unit_of_work():
                return frozenset(key.id for key in keyring().current_many(Purpose.PERSONAL, order).values())

        acts = [lambda order=order: make(order) for order in (subjects, subjects[::-1]) * (PROCESSES // 2)]
        answers = together(*acts)
        assert len(set(answers)) == 1
        assert len(answers[0]) == SubjectKey.objects.filter(subject__in=subjects).count() == 200


@pytest.mark.usefixtures("books")
class TestAProcessThatIsKilled:
    @pytest.mark.parametrize("purpose", [Purpose.PERSONAL, Purpose.DOCUMENTS])
    def test_between_making_a_key_and_using_it_leaves_one_that_works(self, purpose: Purpose) -> None:
        subject = new_id()

        def make_and_die() -> None:
            with unit_of_work():
                keyring().current(purpose, subject)
                os.kill(os.getpid(), signal.SIGKILL)

        child = Child(make_and_die)
        child.go()
        child.process.join(30)
        assert child.process.exitcode == -signal.SIGKILL
        row = SubjectKey.objects.get(subject=subject)
        key = keyring().current(purpose, subject)
        assert key.id == row.pk
        assert Keyring().by_id(key.id).cipher.decrypt(NONCE, key.cipher.encrypt(NONCE, b"x", b""), b"") == b"x"


@pytest.mark.usefixtures("books")
class TestAnotherProcess:
    def test_that_replaces_the_purpose_key_leaves_no_new_key_under_the_former(self, hands: Hands) -> None:
        """This process has not looked yet, and believes the former to be live: the database does not."""
        here = hands.keyring()
        old = here.current(Purpose.PERSONAL, new_id())
        replace_purpose_key(purpose=Purpose.PERSONAL, now=clock.now(), ring=hands.keyring())
        made = here.current(Purpose.PERSONAL, new_id())
        live = PurposeKey.objects.get(purpose="personal", retired_at=None).pk
        assert made.kek_id == live != old.kek_id
        assert here.by_id(old.id).cipher.decrypt(NONCE, old.cipher.encrypt(NONCE, b"x", b""), b"") == b"x"
        assert hands.keyring().by_id(old.id).kek_id == old.kek_id

    def test_that_erases_reaches_a_real_process_in_a_second(self) -> None:
        subject = new_id()
        key_id = keyring().current(Purpose.PERSONAL, subject).id

        def hold_on() -> list[str]:
            ring, seen = keyring(), []
            ring.by_id(key_id)
            for _ in range(60):
                try:
                    ring.by_id(key_id)
                    seen.append("open")
                except SubjectErased:
                    return [*seen[-1:], "SubjectErased"]
                time.sleep(0.05)
            return seen

        child = Child(hold_on)
        child.go()
        erase_subject(actor=system_actor(), subject=subject, now=clock.now())
        assert child.answer()[-1] == "SubjectErased"


@pytest.mark.usefixtures("books")
class TestReplacing:
    def test_makes_a_new_key_live_and_keeps_the_former(self) -> None:
        before = keyring().current(Purpose.PERSONAL, new_id())
        live = replace_purpose_key(purpose=Purpose.PERSONAL, now=clock.now())
        after = keyring().current(Purpose.PERSONAL, new_id())
        assert after.kek_id == live != before.kek_id
        assert Keyring().by_id(before.id).kek_id == before.kek_id

    def test_by_many_at_once_leaves_one_live_key(self) -> None:
        keyring().current(Purpose.PERSONAL, new_id())
        acts = [lambda: replace_purpose_key(purpose=Purpose.PERSONAL, now=clock.now())] * PROCESSES
        answers = together(*acts)
        live = PurposeKey.objects.get(purpose="personal", retired_at=None)
        assert live.pk in answers
        assert {type(answer) for answer in answers} <= {int, str}
        assert {answer for answer in answers if isinstance(answer, str)} <= {"KeyUnavailable"}

    def test_is_refused_in_a_unit_of_work(self) -> None:
        with unit_of_work(), pytest.raises(RuntimeError, match="outermost"):
            replace_purpose_key(purpose=Purpose.PERSONAL, now=clock.now())
