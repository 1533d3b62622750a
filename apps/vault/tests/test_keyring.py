"""Keys are made once, opened by whom they belong to, and forgotten in time."""

import copy
import pickle
from uuid import uuid4

import pytest

from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.vault.errors import UnknownKey, Unreadable
from apps.vault.keys import DataKey, IndexKey, Keyring, keyring
from apps.vault.models import SubjectKey
from apps.vault.types import Purpose

NONCE = b"n" * 12


def encrypted(key: DataKey) -> bytes:
    return key.cipher.encrypt(NONCE, b"Grace Example", b"")


@pytest.mark.django_db
class TestAKey:
    def test_is_made_on_first_use_and_found_by_its_id(self) -> None:
        subject = new_id()
        key = keyring().current(Purpose.PERSONAL, subject)
        assert (key.purpose, key.subject) == (Purpose.PERSONAL, subject)
        row = SubjectKey.objects.get(purpose="personal", subject=subject)
        assert (row.pk, row.kek_id) == (key.id, key.kek_id)
        assert keyring().current(Purpose.PERSONAL, subject) is key
        assert keyring().by_id(key.id) is key

    def test_opens_in_a_process_that_never_saw_it(self) -> None:
        key = keyring().current(Purpose.PERSONAL, new_id())
        other = Keyring()
        assert other.by_id(key.id).cipher.decrypt(NONCE, encrypted(key), b"") == b"Grace Example"
        assert other.current(Purpose.PERSONAL, key.subject).id == key.id

    def test_is_another_for_each_purpose_and_subject(self) -> None:
        subject = new_id()
        keys = [
            keyring().current(purpose, who)
            for purpose in (Purpose.PERSONAL, Purpose.SECRETS)
            for who in (subject, new_id())
        ]
        assert len({key.id for key in keys}) == 4
        assert len({encrypted(key) for key in keys}) == 4
        assert len({key.kek_id for key in keys}) == 2

    def test_outlives_the_transaction_it_was_made_in(self) -> None:
        subject = new_id()
        with pytest.raises(ZeroDivisionError), unit_of_work():
            made = keyring().current(Purpose.PERSONAL, subject)
            raise ZeroDivisionError
        assert Keyring().current(Purpose.PERSONAL, subject).id == made.id

    def test_is_unknown_if_nobody_made_it(self) -> None:
        with pytest.raises(UnknownKey):
            keyring().by_id(uuid4())

    def test_shows_nothing_and_does_not_leave_the_process(self) -> None:
        key, index = keyring().current(Purpose.SECRETS, new_id()), keyring().index_key("accounts.user.email")
        assert "cipher" not in repr(key)
        assert "mac" not in repr(index).lower()
        for held in (key, index):
            for leave in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(TypeError, match="does not leave"):
                    leave(held)


@pytest.mark.django_db
class TestManyKeys:
    def test_are_made_in_a_few_statements(self, django_assert_max_num_queries: object) -> None:
        subjects = [new_id() for _ in range(500)]
        keyring().current(Purpose.PERSONAL, new_id())
        with django_assert_max_num_queries(2):  # type: ignore[operator]
            keys = keyring().current_many(Purpose.PERSONAL, [*subjects, subjects[0]])
        assert set(keys) == set(subjects)
        assert SubjectKey.objects.filter(subject__in=subjects).count() == 500

    def test_are_read_in_one_statement(self, django_assert_num_queries: object) -> None:
        keys = keyring().current_many(Purpose.PERSONAL, [new_id() for _ in range(500)]).values()
        other = Keyring()
        other.current(Purpose.PERSONAL, new_id())
        with django_assert_num_queries(1):  # type: ignore[operator]
            found = other.load([key.id for key in keys] + [uuid4()])
        assert set(found) == {key.id for key in keys}

    def test_take_no_more_memory_than_allowed_and_still_are_answered(self) -> None:
        small = Keyring(capacity=10)
        keys = small.current_many(Purpose.PERSONAL, [new_id() for _ in range(50)])
        assert (len(keys), len(small)) == (50, 10)
        assert small.by_id(next(iter(keys.values())).id).id == next(iter(keys.values())).id
        assert len(small) == 10


@pytest.mark.django_db
class TestAnIndexKey:
    def test_is_the_same_for_all_and_another_for_each_name(self) -> None:
        one = keyring().index_key("accounts.user.email")
        assert isinstance(one, IndexKey)
        assert one.mac(b"a") == Keyring().index_key("accounts.user.email").mac(b"a")
        assert one.mac(b"a") not in {one.mac(b"b"), keyring().index_key("accounts.party.email").mac(b"a")}
        assert len(one.mac(b"a")) == 32

    def test_decrypts_nothing(self) -> None:
        with pytest.raises(UnknownKey):
            keyring().by_id(keyring().index_key("accounts.user.email").id)


@pytest.mark.django_db
class TestAStoredKey:
    @pytest.mark.parametrize("at", [0, 11, 12, 43, 44, 59])
    def test_with_a_byte_flipped_does_not_open(self, at: int) -> None:
        key = keyring().current(Purpose.PERSONAL, new_id())
        row = SubjectKey.objects.get(pk=key.id)
        wrapped = bytearray(row.wrapped)
        wrapped[at] ^= 1
        SubjectKey.objects.filter(pk=key.id).update(wrapped=bytes(wrapped))
        with pytest.raises(Unreadable):
            Keyring().by_id(key.id)

    def test_put_in_anothers_place_does_not_open(self) -> None:
        mine, theirs = (keyring().current(Purpose.PERSONAL, new_id()) for _ in range(2))
        SubjectKey.objects.filter(pk=mine.id).update(wrapped=SubjectKey.objects.get(pk=theirs.id).wrapped)
        with pytest.raises(Unreadable):
            Keyring().by_id(mine.id)
        assert mine.id not in Keyring().load([mine.id])
