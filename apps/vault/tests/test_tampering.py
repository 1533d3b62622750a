"""Somebody writes to the database who has no key: an error and an alert, never a text."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import models, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core import clock
from apps.core.alerts import resolve_alert
from apps.core.db import snapshot, unit_of_work
from apps.core.models import Alert
from apps.vault.envelope import OVERHEAD, seal
from apps.vault.errors import UnknownKey, Unreadable
from apps.vault.keys import DataKey, keyring
from apps.vault.tests.stage import Person, Twin, put, set_the_stage, stored
from apps.vault.types import Purpose

NAME = "Ada Unmistakable"
PLACES = {"name": "stage.stage_person.name", "note": "stage.stage_person.note"}


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[None]:
    set_the_stage()
    return None


def person(**values: Any) -> Person:
    return Person.objects.create(**({"name": NAME} | values))


def alert(place: str) -> Alert | None:
    return Alert.objects.filter(dedup_key=f"vault:unreadable:{place}", resolved_at=None).first()


def refused(row: models.Model, column: str = "name", error: type[Unreadable] = Unreadable) -> Alert:
    """The open alert that reading the column raises, along with the error."""
    with unit_of_work():
        resolve_alert(dedup_key=f"vault:unreadable:stage.{row._meta.db_table}.{column}", now=clock.now())
    again = type(row)._default_manager.get(pk=row.pk)
    with pytest.raises(error) as caught:
        getattr(again, column)
    assert type(caught.value) is error
    assert NAME not in str(caught.value) + repr(caught.value)
    found = alert(f"stage.{row._meta.db_table}.{column}")
    assert found is not None
    assert (found.severity, found.count) == ("CRITICAL", 1)
    assert str(row.pk) in found.summary
    return found


@pytest.mark.usefixtures("stage")
class TestACiphertext:
    def test_moved_to_another_row_is_refused(self) -> None:
        one, other = person(), person(name="Ida")
        put(other, "name", stored(one, "name"))
        refused(other)
        assert Person.objects.get(pk=one.pk).name == NAME

    def test_moved_to_a_row_of_the_same_subject_is_refused(self) -> None:
        party = uuid4()
        one, other = (person(email=f"{n}@example.com", party_id=party) for n in range(2))
        put(other, "email", stored(one, "email"))
        refused(other, "email")

    def test_moved_to_another_column_is_refused(self) -> None:
        row = person(note="a note")
        put(row, "note", stored(row, "name"))
        refused(row, "note")
        put(row, "name", stored(row, "name"))
        assert Person.objects.get(pk=row.pk).name == NAME

    def test_moved_to_another_table_is_refused(self) -> None:
        row = person()
        twin = Twin.objects.create(pk=row.pk, name="Twin")
        put(twin, "name", stored(row, "name"))
        refused(twin)

    def test_sealed_for_the_place_under_another_subjects_key_and_named_as_its_own_is_refused(self) -> None:
        row, other = person(), person(name="Ida")
        mine, theirs = (keyring().current(Purpose.PERSONAL, each.pk) for each in (row, other))
        forged = seal(
            Named(mine.id, mine.kek_id, theirs.cipher), b"forged", (b"stage.stage_person", b"name", row.pk.bytes)
        )
        put(row, "name", forged)
        refused(row)

    def test_of_an_older_version_put_back_is_refused(self) -> None:
        row = person(note="first")
        old = stored(row, "note")
        row.note, row.version = "second", 2
        row.save()
        assert Person.objects.get(pk=row.pk).note == "second"
        put(row, "note", old)
        refused(row, "note")

    def test_is_sealed_anew_when_only_the_version_grows(self) -> None:
        row = person(note="kept")
        row = Person.objects.get(pk=row.pk)
        row.version = 2
        assert row.note == "kept"
        row.save()
        assert (Person.objects.get(pk=row.pk).note, row.note) == ("kept", "kept")

    def test_that_names_no_key_there_is_is_refused(self) -> None:
        row = person()
        cipher = keyring().current(Purpose.PERSONAL, row.pk)
        put(row, "name", seal(Named(uuid4(), 1, cipher.cipher), b"x", (b"stage.stage_person", b"name", row.pk.bytes)))
        refused(row, error=UnknownKey)

    def test_of_a_format_to_come_is_refused(self) -> None:
        row = person()
        changed = bytearray(stored(row, "name"))
        changed[1] = 2
        put(row, "name", bytes(changed))
        refused(row)

    def test_with_any_byte_changed_is_refused(self) -> None:
        row = person()
        whole = stored(row, "name")
        for at in range(1, len(whole)):
            changed = bytearray(whole)
            changed[at] ^= 0x5A
            put(row, "name", bytes(changed))
            with pytest.raises(Unreadable):
                _ = Person.objects.get(pk=row.pk).name
        put(row, "name", whole)
        assert Person.objects.get(pk=row.pk).name == NAME

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_with_any_change_at_all_is_refused_or_not_taken(self, data: st.DataObject) -> None:
        row = person()
        whole = stored(row, "name")
        start = data.draw(st.integers(1, len(whole)))
        changed = whole[:start] + data.draw(st.binary(min_size=OVERHEAD, max_size=OVERHEAD + 30))
        put(row, "name", changed)
        with pytest.raises(Unreadable):
            _ = Person.objects.get(pk=row.pk).name


@pytest.mark.usefixtures("stage")
class TestTheAlert:
    def broken(self) -> Person:
        one, other = person(), person(name="Ida")
        put(other, "name", stored(one, "name"))
        with unit_of_work():
            resolve_alert(dedup_key=f"vault:unreadable:{PLACES['name']}", now=clock.now())
        return Person.objects.get(pk=other.pk)

    def looked(self, within: Callable[[], Any]) -> Alert | None:
        row = self.broken()
        with pytest.raises(Unreadable), within():
            _ = row.name
        return alert(PLACES["name"])

    def test_outlives_the_unit_of_work_that_was_refused(self) -> None:
        assert self.looked(unit_of_work)

    def test_is_raised_where_only_reading_is_allowed(self) -> None:
        assert self.looked(snapshot)

    def test_is_raised_by_a_unit_of_work_that_commits_in_spite_of_it(self) -> None:
        row = self.broken()
        with unit_of_work():
            with pytest.raises(Unreadable):
                _ = row.name
            person(name="goes on")
        found = alert(PLACES["name"])
        assert found is not None
        assert found.count == 1
        assert NAME not in found.summary

    def test_does_not_hide_the_refusal_in_a_bare_transaction(self) -> None:
        row = self.broken()
        with pytest.raises(Unreadable), transaction.atomic():
            _ = row.name

    def test_counts_on_while_it_is_open(self) -> None:
        row = self.broken()
        for _ in range(3):
            with pytest.raises(Unreadable):
                _ = row.name
        found = alert(PLACES["name"])
        assert found is not None
        assert found.count == 3


class Named:
    """A key under a name of one's choice."""

    def __init__(self, key_id: UUID, kek_id: int, cipher: Any) -> None:
        self.id, self.kek_id, self.cipher = key_id, kek_id, cipher


def test_a_data_key_is_what_the_envelope_takes() -> None:
    assert {"id", "kek_id", "cipher"} <= {*DataKey.__slots__}
