"""Rotation when things go wrong: killed, without its key service, with changed rows, beside another of its kind."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import run_sql, unit_of_work
from apps.core.ids import new_id
from apps.core.models import Alert
from apps.core.testing.databases import ROOT, urls_of
from apps.core.testing.waiting import until
from apps.vault.errors import KeyUnavailable, NothingToRotate, RotationTaken, SubjectErased, UnknownKey
from apps.vault.keys import Keyring, keyring
from apps.vault.models import Document, KeyRotation, PurposeKey, RotatedColumn, SubjectKey
from apps.vault.services.erasure import erase_subject
from apps.vault.services.holds import place_hold, release_hold
from apps.vault.services.rotation import due, rotate_due_keys, rotate_keys, watch_ages
from apps.vault.tests import fake_kms as fake
from apps.vault.tests.conftest import Bench
from apps.vault.tests.rotating import SHORT, Beside, load, reading, rotate, under_former_keys, until_state
from apps.vault.types import Purpose, RotationState

DOCUMENTS = Purpose.DOCUMENTS


def started(database: str) -> subprocess.Popen[str]:
    """The command as an operator starts it."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "rotate_keys", "--purpose", "documents"],
        cwd=ROOT,
        env={**os.environ, **urls_of(database)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def whole(subject: object) -> list[SubjectKey]:
    return list(SubjectKey.objects.filter(purpose="documents", subject=subject, wrapped__isnull=False))


def assert_all_open(ids: list[object]) -> None:
    keyring().forget()
    assert all(row.particulars["name"] == str(row.pk) for row in Document.objects.filter(pk__in=ids))


@pytest.mark.usefixtures("books")
class TestAKilledRotation:
    def test_goes_on_where_it_was(self, books: str) -> None:
        """Killed by -9 in each of its long stages, beside a reader; run again, the command goes on and ends."""
        ids = load(6_000, subjects=1_500)
        stages = {
            "keys": lambda: KeyRotation.objects.filter(state="KEYS", keys_done__gt=0).exists(),
            "rows": lambda: RotatedColumn.objects.filter(rewritten__gt=0, turn=1, turn_done=False).exists(),
        }
        with Beside(reading(ids)) as reader:
            rewritten = 0
            for reached in stages.values():
                process = started(books)
                until(lambda: reached() or process.poll() is not None, seconds=60)  # noqa: B023
                process.send_signal(signal.SIGKILL)
                assert process.wait(10) == -signal.SIGKILL, "it was done before it was killed"
                [run] = KeyRotation.objects.all()
                rewritten = sum(RotatedColumn.objects.filter(rotation=run).values_list("rewritten", flat=True))
            assert run.state in {RotationState.ROWS, RotationState.GRACE}
            assert 0 < rewritten < 6_000
            said = StringIO()
            call_command("rotate_keys", "--purpose", "documents", stdout=said)
            assert "1,500 subjects' keys wrapped anew, 6,000 values encrypted anew. Former" in said.getvalue()
            view = rotate(grace=SHORT)
            assert (view.rewritten, view.keys_destroyed) == (6_000, 1_500)
            assert sum(reader.end()) > 0
        assert under_former_keys() == 0
        assert PurposeKey.objects.filter(purpose="documents").count() == 2
        assert_all_open(ids)

    def test_between_the_new_key_and_its_record_makes_no_third(self) -> None:
        ids = load(50, subjects=5)
        until_state(RotationState.KEYS)
        live = PurposeKey.objects.get(purpose="documents", retired_at=None).pk
        # As it stands when the process dies right after the key service's answer was stored.
        KeyRotation.objects.exclude(state="DONE").update(state="BEGUN", kek=None)
        rotate()
        assert PurposeKey.objects.get(purpose="documents", retired_at=None).pk == live
        assert_all_open(ids)


@pytest.mark.usefixtures("books")
class TestTwoRotations:
    def test_are_one_and_a_refusal(self) -> None:
        load(50, subjects=5)
        until_state(RotationState.ROWS)
        go, gone = threading.Event(), threading.Event()

        def hold_the_lock() -> None:
            run_sql("SELECT pg_advisory_lock(7, hashtext('documents'))")
            go.set()
            gone.wait(30)
            run_sql("SELECT pg_advisory_unlock(7, hashtext('documents'))")  # a session that is closed ends later

        def held() -> None:
            try:
                hold_the_lock()
            finally:
                connection.close()

        other = threading.Thread(target=held)
        other.start()
        try:
            assert go.wait(10)
            with pytest.raises(RotationTaken):
                rotate_keys(purpose=DOCUMENTS, now=clock.now())
            with pytest.raises(CommandError, match="not rotated: documents"):
                call_command("rotate_keys", "--purpose", "documents")
        finally:
            gone.set()
            other.join()
        assert rotate().state is RotationState.DONE


class TestWithoutItsKeyService:
    def test_nothing_begins_and_nothing_changes(self, bench: Bench) -> None:
        ring = bench.keyring()
        key = ring.current(DOCUMENTS, new_id())
        before = (
            list(PurposeKey.objects.values_list("pk", "retired_at")),
            list(SubjectKey.objects.values_list("pk", "kek")),
        )
        bench.kms.behave = fake.says("DisabledException")
        with pytest.raises(KeyUnavailable):
            rotate_keys(purpose=DOCUMENTS, now=clock.now(), ring=ring)
        assert not KeyRotation.objects.exists()
        after = (
            list(PurposeKey.objects.values_list("pk", "retired_at")),
            list(SubjectKey.objects.values_list("pk", "kek")),
        )
        assert after == before
        assert ring.by_id(key.id) is key

    def test_of_a_purpose_without_keys_nothing_is_made(self, bench: Bench) -> None:
        with pytest.raises(NothingToRotate):
            rotate_keys(purpose=Purpose.SECRETS, now=clock.now(), ring=bench.keyring())
        assert not PurposeKey.objects.filter(purpose="secrets").exists()


@pytest.mark.usefixtures("books")
class TestAChangedRow:
    def test_is_told_of_skipped_and_keeps_its_key(self) -> None:
        ids = load(200, subjects=20)
        changed, moved, strange = ids[3], ids[44], ids[85]
        run_sql(
            "UPDATE vault_document SET particulars = set_byte(particulars, 60, get_byte(particulars, 60) # 1) "
            "WHERE id = %s",
            [changed],
        )
        run_sql(
            "UPDATE vault_document SET particulars = (SELECT particulars FROM vault_document WHERE id = %s) "
            "WHERE id = %s",
            [ids[45], moved],
        )
        run_sql("UPDATE vault_document SET particulars = set_byte(particulars, 8, 255) WHERE id = %s", [strange])
        stored = dict(Document.objects.filter(pk__in=[changed, moved, strange]).values_list("pk", "particulars"))
        view = rotate()
        assert view.unreadable == 3
        assert view.rewritten == 197
        alert = Alert.objects.get(dedup_key="vault:unreadable:vault.vault_document.particulars", resolved_at=None)
        assert alert.count >= 3
        left = dict(Document.objects.filter(pk__in=stored).values_list("pk", "particulars"))
        assert {pk: v.ciphertext for pk, v in left.items()} == {pk: v.ciphertext for pk, v in stored.items()}
        # The keys the first two name are whole: put right, they open again.
        assert (view.keys_kept, view.keys_destroyed) == (2, 18)
        run_sql(
            "UPDATE vault_document SET particulars = set_byte(particulars, 60, get_byte(particulars, 60) # 1) "
            "WHERE id = %s",
            [changed],
        )
        assert_all_open([pk for pk in ids if pk not in {moved, strange}])
        assert rotate().unreadable == 2

    def test_of_keys_is_told_of_and_stays(self) -> None:
        ids = load(20, subjects=2)
        subject = Document.objects.get(pk=ids[0]).subject
        [key] = whole(subject)
        SubjectKey.objects.filter(pk=key.pk).update(wrapped=bytes(60))
        keyring().forget()
        assert rotate().keys_unreadable == 1
        assert Alert.objects.filter(dedup_key=f"vault.subject_key:{key.pk}", resolved_at=None).exists()
        assert [kept.pk for kept in whole(subject)] == [key.pk]
        assert_all_open([pk for pk in ids if Document.objects.get(pk=pk).subject != subject])


@pytest.mark.usefixtures("books")
class TestSubjects:
    def test_that_use_their_first_key_meanwhile_have_one(self) -> None:
        """Three processes make keys of the same new subjects all along."""
        load(800, subjects=800)
        subjects = [new_id() for _ in range(400)]

        def use(chance: object) -> tuple[object, object, bytes]:
            subject = chance.choice(subjects)  # type: ignore[attr-defined]
            key = keyring().current(DOCUMENTS, subject)
            return subject, key.id, key.cipher.encrypt(b"n" * 12, b"first", b"")

        with Beside(use, 1) as one, Beside(use, 2) as two, Beside(use, 2) as three:
            view = until_state(RotationState.GRACE)
            used = [*one.end(), *two.end(), *three.end()]
        ring = Keyring()
        for _, key_id, sealed in used:
            assert ring.by_id(key_id).cipher.decrypt(b"n" * 12, sealed, b"") == b"first"
        live = SubjectKey.objects.filter(purpose="documents", superseded_at=None)
        assert live.filter(subject__in={subject for subject, _, _ in used}).count() == len({s for s, _, _ in used})
        kek = KeyRotation.objects.get(pk=view.rotation_id).kek
        assert set(live.values_list("kek", flat=True)) == {kek.pk}  # type: ignore[union-attr]
        assert not SubjectKey.objects.filter(purpose="documents", wrapped__isnull=False).exclude(kek=kek).exists()

    @pytest.mark.parametrize("stage", [RotationState.KEYS, RotationState.ROWS, RotationState.GRACE])
    def test_that_are_erased_meanwhile_stay_erased(self, stage: RotationState) -> None:
        ids = load(60, subjects=6)
        subject = Document.objects.get(pk=ids[0]).subject
        until_state(stage)
        erase_subject(actor=system_actor(), subject=subject, now=clock.now())
        view = rotate()
        assert view.unreadable == 0
        assert whole(subject) == []
        keyring().forget()
        with pytest.raises(SubjectErased):
            _ = Document.objects.get(pk=ids[0]).particulars
        with pytest.raises(SubjectErased):
            keyring().current(DOCUMENTS, subject)
        assert_all_open([row.pk for row in Document.objects.filter(pk__in=ids).exclude(subject=subject)])

    def test_that_were_erased_before_are_passed_by(self) -> None:
        ids = load(60, subjects=6)
        subject = Document.objects.get(pk=ids[0]).subject
        erase_subject(actor=system_actor(), subject=subject, now=clock.now())
        view = rotate()
        assert view.unreadable == 0
        assert whole(subject) == []
        with pytest.raises(SubjectErased):
            _ = Document.objects.get(pk=ids[0]).particulars

    def test_under_a_hold_keep_every_key_until_it_ends(self) -> None:
        ids = load(60, subjects=6)
        subject = Document.objects.get(pk=ids[0]).subject
        place_hold(actor=system_actor(), subject=subject, reference="case-9", now=clock.now())
        view = rotate()
        assert view.keys_kept == 1
        assert sorted(key.superseded_at is None for key in whole(subject)) == [False, True]
        assert_all_open(ids)
        release_hold(actor=system_actor(), subject=subject, reference="case-9", now=clock.now())
        assert rotate().keys_kept == 0
        assert [key.superseded_at for key in whole(subject)] == [None]
        assert_all_open(ids)


@pytest.mark.usefixtures("books")
class TestARowThatComesBack:
    def test_under_a_former_key_is_encrypted_anew_before_the_key_goes(self) -> None:
        """A process that read before the rotation and writes, ciphertext and all, during the grace."""
        ids = load(40, subjects=4)
        late = Document.objects.get(pk=ids[7])
        until_state(RotationState.GRACE)
        with unit_of_work():
            late.save()
        assert under_former_keys() == 1
        rotate()
        assert under_former_keys() == 0
        assert_all_open(ids)

    def test_keeps_the_keys_while_a_transaction_of_before_is_open(self) -> None:
        load(40, subjects=4)
        view = until_state(RotationState.ROWS)
        opened, end = threading.Event(), threading.Event()

        def stay_open() -> None:
            with unit_of_work():
                Document.objects.count()
                opened.set()
                end.wait(60)
            connection.close()

        other = threading.Thread(target=stay_open)
        other.start()
        try:
            assert opened.wait(10)
            for _ in range(3):
                view = rotate_keys(purpose=DOCUMENTS, now=clock.now(), grace=timedelta(0))
                time.sleep(0.1)
            assert view.state is RotationState.GRACE
        finally:
            end.set()
            other.join()
        assert rotate(grace=timedelta(0)).state is RotationState.DONE

    def test_after_its_key_is_gone_is_refused_and_told_of(self) -> None:
        """As an old backup's row would be: the subject is not erased, so it must not read as if."""
        ids = load(40, subjects=4)
        old = Document.objects.filter(pk=ids[7]).values_list("particulars", flat=True).get().ciphertext
        rotate()
        run_sql("UPDATE vault_document SET particulars = %s WHERE id = %s", [old, ids[7]])
        keyring().forget()
        with pytest.raises(UnknownKey):
            _ = Document.objects.get(pk=ids[7]).particulars


@pytest.mark.usefixtures("books")
class TestTheDatabase:
    def test_destroys_no_superseded_key_before_the_rotation_is_about_to_end(self) -> None:
        load(40, subjects=4)
        until_state(RotationState.GRACE)
        with pytest.raises(IntegrityError, match="destroyed by the erasure"), unit_of_work():
            run_sql(
                "UPDATE vault_subjectkey SET wrapped = NULL, kek_id = NULL, destroyed_at = now() "
                "WHERE superseded_at IS NOT NULL"
            )
        rotate()

    def test_keeps_two_rotations_of_a_purpose_apart(self) -> None:
        load(4, subjects=4)
        until_state(RotationState.GRACE)
        run = KeyRotation.objects.exclude(state="DONE").get()
        with pytest.raises(RotationTaken), unit_of_work():
            KeyRotation.objects.create(purpose="documents", with_rows=True, former=run.former, began_at=clock.now())
        rotate()


@pytest.mark.usefixtures("books")
class TestTheSchedule:
    def test_rotates_what_is_old_and_warns_two_weeks_before(self) -> None:
        load(20, subjects=2)
        keyring().current(Purpose.SECRETS, new_id())
        made = PurposeKey.objects.get(purpose="documents", retired_at=None).created_at
        alerts = Alert.objects.filter(dedup_key="vault.rotation:documents", resolved_at=None)
        for days, told in ((75, False), (77, True)):
            watch_ages(now=made + timedelta(days=days))
            assert due(now=made + timedelta(days=days)) == []
            assert alerts.exists() is told
        late = made + timedelta(days=91)
        assert DOCUMENTS in due(now=late)
        views = rotate_due_keys(now=late, seconds=30)
        assert DOCUMENTS in {view.purpose for view in views}
        # Its age is told by the real clock: what was just made is young.
        watch_ages(now=clock.now())
        assert not alerts.exists()
        rotate()

    def test_stops_in_time_and_goes_on_at_the_next_wake_up(self) -> None:
        load(300, subjects=30)
        first = rotate_keys(purpose=DOCUMENTS, now=clock.now(), seconds=0)
        assert first.state is RotationState.KEYS
        assert DOCUMENTS in due(now=clock.now())
        rotate_due_keys(now=clock.now(), seconds=30)
        assert KeyRotation.objects.get(pk=first.rotation_id).state == RotationState.GRACE
