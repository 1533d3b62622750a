"""Protected columns as callers use them."""

import copy
import json
import logging
import pickle
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Upper
from django.forms import modelform_factory
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter
from rest_framework.serializers import ModelSerializer

from apps.core.db import run_sql, unit_of_work
from apps.vault.envelope import read_header
from apps.vault.fields import HIDDEN, BlindIndexField, EncryptedTextField, Sealed, SealedQuerySet
from apps.vault.keys import keyring
from apps.vault.tests.stage import STAGE, Person, Sighting, put, set_the_stage, stored
from apps.vault.types import Purpose

NAME = "Ada Unmistakable"


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[None]:
    set_the_stage()
    return None


def person(**values: Any) -> Person:
    return Person.objects.create(**({"name": NAME} | values))


def read(row: models.Model) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


@pytest.mark.usefixtures("stage")
class TestReadingAndWriting:
    def test_gives_back_what_was_saved(self) -> None:
        facts = {"born": "1815-12-10", "of": ["London", None, 1, True]}
        row = read(person(name="Ada \u00e9\U0001f9ee\x00", email="", facts=facts, note="n"))
        assert (row.name, row.email, row.facts, row.note) == ("Ada \u00e9\U0001f9ee\x00", "", facts, "n")

    def test_keeps_an_absent_value_absent(self) -> None:
        row = read(person())
        assert (row.email, row.facts, row.email_index) == (None, None, None)
        assert Person.objects.filter(pk=row.pk, email__isnull=True).exists()
        assert not Person.objects.filter(pk=row.pk, name__isnull=True).exists()

    def test_reads_the_same_before_and_after_the_save(self) -> None:
        row = Person(name=NAME, facts={"a": [1]})
        assert (row.name, row.facts) == (NAME, {"a": [1]})
        row.save()
        assert (row.name, row.facts) == (NAME, {"a": [1]})

    def test_gives_a_copy_of_a_document_each_time(self) -> None:
        given = {"a": [1]}
        row = Person(name=NAME, facts=given)
        given["a"].append(2)
        row.facts["a"].append(3)
        assert row.facts == {"a": [1]}

    def test_leaves_the_stored_value_alone_where_nothing_was_assigned(self) -> None:
        row = person(email="a@example.com")
        before = stored(row, "name"), stored(row, "email")
        again = read(row)
        again.town = "Ely"
        again.save()
        assert (stored(row, "name"), stored(row, "email")) == before
        again.name = NAME
        again.save()
        assert stored(row, "name") != before[0]

    def test_loads_what_was_deferred_when_it_is_asked_for(self) -> None:
        row = Person.objects.defer("name", "note").get(pk=person(note="kept").pk)
        assert row.get_deferred_fields() == {"name", "note"}
        with CaptureQueriesContext(connection) as queries:
            assert (row.name, row.note) == (NAME, "kept")
        assert len(queries) == 2
        row.town = "Ely"
        row.save()
        assert read(row).name == NAME

    def test_is_not_written_when_deferred_and_untouched(self) -> None:
        row = person()
        before = stored(row, "name")
        some = Person.objects.only("town").get(pk=row.pk)
        some.town = "Ely"
        some.save()
        assert stored(row, "name") == before

    def test_follows_a_refresh(self) -> None:
        row, other = person(), None
        other = read(row)
        other.name = "Ida"
        other.save()
        row.refresh_from_db()
        assert row.name == "Ida"
        row.save()
        assert read(row).name == "Ida"

    def test_moves_with_a_row_that_is_copied(self) -> None:
        row = read(person(email="copy@example.com", note="n"))
        first = row.pk
        row.pk, row._state.adding = uuid4(), True
        row.save()
        again = read(row)
        assert again.pk != first
        assert (again.name, again.email, again.note) == (NAME, "copy@example.com", "n")

    def test_takes_the_key_of_its_subject(self) -> None:
        row = person(email="a@example.com")
        for column, subject in (("name", row.pk), ("email", row.party_id)):
            key = keyring().current(Purpose.PERSONAL, subject)
            assert read_header(stored(row, column)).dek_id == key.id

    def test_binds_a_row_to_the_number_the_database_would_give(self) -> None:
        seen = [Sighting.objects.create(address=f"192.0.2.{n}", person_id=uuid4() if n else None) for n in range(3)]
        assert [read(row).address for row in seen] == ["192.0.2.0", "192.0.2.1", "192.0.2.2"]
        assert sorted({row.pk for row in seen}) == [row.pk for row in seen]
        many = Sighting.objects.bulk_create([Sighting(address="::1"), Sighting(), Sighting(address="::2")])
        assert [read(row).address for row in many] == ["::1", None, "::2"]

    def test_survives_copies_and_pickles_once_saved(self) -> None:
        row = read(person(facts={"a": 1}))
        held = {name: value for name, value in vars(row).items() if name != "_state"}
        for kept in (copy.copy(held), copy.deepcopy(held), pickle.loads(pickle.dumps(held))):
            vars(row).update(kept)
            assert (row.name, row.facts) == (NAME, {"a": 1})

    def test_takes_an_id_in_any_of_its_spellings(self) -> None:
        key = str(uuid4())
        assert read(Person.objects.create(pk=key, name=NAME)).name == NAME


@pytest.mark.usefixtures("stage")
class TestWhatIsRefused:
    @pytest.mark.parametrize("value", [1, 1.5, b"bytes", [NAME], object(), F("town"), Value(NAME)])
    def test_is_what_is_not_text(self, value: Any) -> None:
        row = person()
        with pytest.raises(TypeError, match="takes text"):
            row.name = value
        with pytest.raises(TypeError, match="takes text"):
            Person(name=value)
        assert row.name == NAME

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), {"a": b""}])
    def test_is_what_json_cannot_say(self, value: Any) -> None:
        with pytest.raises(TypeError, match="JSON"):
            Person(name=NAME, facts=value)

    def test_is_half_a_character_without_showing_the_rest(self) -> None:
        with pytest.raises(ValueError, match="half a character") as refused:
            Person(name=NAME + "\ud800")
        assert NAME not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__

    def test_is_a_text_that_is_too_long(self) -> None:
        person(name="x" * 40)
        with pytest.raises(ValidationError, match="40 characters at most"):
            person(name="x" * 41)

    def test_is_an_empty_text_where_there_must_be_one(self) -> None:
        with pytest.raises(DatabaseError, match="name_check"), transaction.atomic():
            person(name="")

    def test_is_a_value_in_the_clear_by_the_column_itself(self) -> None:
        row = person()
        for value in (b"Ada", b"x" * 100, b""):
            with pytest.raises(DatabaseError, match="name_check"), transaction.atomic():
                run_sql("UPDATE stage_person SET name = %s WHERE id = %s", [value, row.pk])
        assert read(row).name == NAME

    @pytest.mark.parametrize("value", [NAME, F("email"), Upper("email"), Value(NAME), Value(b"\xbe" * 60)])
    def test_is_an_update_that_knows_no_row(self, value: Any) -> None:
        row = person(email="a@example.com")
        with pytest.raises((FieldError, TypeError)), transaction.atomic():
            Person.objects.filter(pk=row.pk).update(name=value)
        assert read(row).name == NAME

    def test_is_an_update_with_a_ciphertext_of_another_row(self) -> None:
        row, other = person(), person(name="Ida")
        sealed = Person.objects.values_list("name", flat=True).get(pk=other.pk)
        with pytest.raises(FieldError, match="one row"):
            Person.objects.filter(pk=row.pk).update(name=sealed)
        assert read(row).name == NAME

    def test_is_not_an_update_to_nothing(self) -> None:
        row = person(email="a@example.com")
        Person.objects.filter(pk=row.pk).update(email=None, email_index=None)
        assert read(row).email is None

    @pytest.mark.parametrize("lookup", ["exact", "iexact", "in", "contains", "icontains", "startswith", "gt", "regex"])
    def test_is_a_search(self, lookup: str) -> None:
        value = [NAME] if lookup == "in" else NAME
        for manager in (Person.objects.filter, Person.objects.exclude):
            with pytest.raises(FieldError, match="cannot be searched"):
                manager(**{f"name__{lookup}": value})
        with pytest.raises(FieldError):
            Person.objects.filter(name=NAME)

    def test_is_a_declaration_that_cannot_hold(self) -> None:
        class Wrong(models.Model):
            text = EncryptedTextField(unique=True)
            early = EncryptedTextField(version="version")
            version = models.IntegerField()
            short = BlindIndexField(of="text", bits=64, unique=True)

            class Meta:
                apps = STAGE
                app_label = "stage"

        found = {(error.obj.name, error.id) for field in Wrong._meta.local_fields for error in field.check()}
        assert {
            ("text", "vault.E001"),
            ("early", "vault.E002"),
            ("text", "vault.E003"),
            ("short", "vault.E004"),
        } <= found
        assert [error for field in Person._meta.local_fields for error in field.check()] == []


@pytest.mark.usefixtures("stage")
class TestManyRows:
    def test_are_created_and_read_with_a_few_queries_however_many_subjects(self) -> None:
        rows = [Person(name=f"name {n}", email=f"{n}@example.com", facts={"n": n}) for n in range(50)]
        keyring().current(Purpose.PERSONAL, uuid4())
        keyring().index_key("stage.stage_person.email_index")
        with CaptureQueriesContext(connection) as made:
            Person.objects.bulk_create(rows)
        assert len(made) < 12, [q["sql"][:90] for q in made]
        keyring().forget()
        with CaptureQueriesContext(connection) as asked:
            found = list(Person.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
            told = [(row.name, row.email, row.facts) for row in found]
        assert told == [(f"name {n}", f"{n}@example.com", {"n": n}) for n in range(50)]
        assert len(asked) < 12, [q["sql"][:90] for q in asked]

    def test_ask_for_no_key_where_nothing_is_opened(self) -> None:
        person()
        keyring().forget()
        with CaptureQueriesContext(connection) as asked:
            assert [row.town for row in Person.objects.all()]
        assert len(asked) == 1

    def test_are_updated_together(self) -> None:
        rows = [person(email=f"old-{n}@example.com") for n in range(5)]
        for n, row in enumerate(rows):
            row.name, row.email, row.facts = f"new {n}", f"new-{n}@example.com", {"n": n}
        rows[4].email = None
        assert Person.objects.bulk_update(rows, ["name", "email", "email_index", "facts"]) == 5
        for n, row in enumerate(rows):
            found = read(row)
            assert (row.name, found.name, found.facts) == (f"new {n}", f"new {n}", {"n": n})
        assert Person.objects.filter(email_index="NEW-3@example.com").get().pk == rows[3].pk
        assert not Person.objects.filter(email_index="old-3@example.com").exists()
        assert read(rows[4]).email_index is None

    def test_are_not_updated_without_their_index(self) -> None:
        row = person(email="a@example.com")
        row.email = "b@example.com"
        for names in (["email"], ["email_index"]):
            with pytest.raises(ValueError, match="write"):
                Person.objects.bulk_update([row], names)
        assert read(row).email == "a@example.com"

    def test_are_read_in_chunks(self) -> None:
        rows = Person.objects.bulk_create([Person(name=f"name {n}") for n in range(30)])
        keys = {row.pk for row in rows}
        found = Person.objects.filter(pk__in=keys).iterator(chunk_size=7)
        assert {row.name for row in found} == {f"name {n}" for n in range(30)}


@pytest.mark.usefixtures("stage")
class TestABlindIndex:
    def test_finds_the_exact_text_in_any_case_or_width(self) -> None:
        row = person(email="Ada.L@Example.com")
        for spelling in ("Ada.L@Example.com", "ada.l@example.com", "ADA.L@EXAMPLE.COM", "\uff21da.l@example.com"):
            assert Person.objects.get(email_index=spelling).pk == row.pk
            assert Person.objects.get(email_index__in=[spelling, "x"]).pk == row.pk
        assert not Person.objects.filter(email_index="ada.l@example").exists()
        assert not Person.objects.exclude(email_index="ada.l@example.com").filter(pk=row.pk).exists()

    def test_does_not_hold_the_text(self) -> None:
        row = read(person(email="ada.index@example.com"))
        assert len(row.email_index) == 16
        assert b"ada" not in row.email_index

    def test_follows_every_assignment(self) -> None:
        row = read(person(email="first@example.com"))
        row.email = "second@example.com"
        row.save()
        assert [Person.objects.filter(email_index=f"{w}@example.com").count() for w in ("first", "second")] == [0, 1]
        some = Person.objects.only("town").get(pk=row.pk)
        some.email = "third@example.com"
        some.save()
        assert [Person.objects.filter(email_index=f"{w}@example.com").count() for w in ("second", "third")] == [0, 1]
        row = read(row)
        row.email = None
        row.save(update_fields=["email", "email_index"])
        assert not Person.objects.filter(email_index="third@example.com").exists()

    def test_cannot_be_left_behind(self) -> None:
        row = read(person(email="left@example.com"))
        row.email = "moved@example.com"
        with pytest.raises(ValueError, match="email_index"):
            row.save(update_fields=["email"])
        assert read(row).email == "left@example.com"
        with pytest.raises(FieldError, match="follows email"):
            Person.objects.filter(pk=row.pk).update(email_index="other@example.com")

    @pytest.mark.parametrize("lookup", ["icontains", "startswith", "gt", "iexact", "regex"])
    def test_finds_nothing_else(self, lookup: str) -> None:
        with pytest.raises(FieldError, match="exact texts only"):
            Person.objects.filter(**{f"email_index__{lookup}": "a"})


@pytest.mark.usefixtures("stage")
class TestNothingIsShown:
    def sealed(self) -> Sealed:
        return Person.objects.values_list("name", flat=True).get(pk=person().pk)

    def test_by_values(self) -> None:
        row = person(facts={"a": NAME})
        (found,) = Person.objects.filter(pk=row.pk).values("name", "facts")
        assert isinstance(found["name"], Sealed)
        assert str(found) == f"{{'name': {HIDDEN}, 'facts': {HIDDEN}}}"

    def test_however_it_is_printed(self) -> None:
        sealed = self.sealed()
        assert {str(sealed), repr(sealed), f"{sealed}", f"{sealed:>20}", f"{sealed!a}"} == {HIDDEN}
        assert NAME.encode() not in pickle.dumps(sealed)
        with pytest.raises(TypeError):
            json.dumps(sealed)

    @pytest.mark.parametrize("saved", [True, False])
    def test_by_an_instance(self, saved: bool) -> None:
        row = read(person()) if saved else Person(name=NAME)
        assert NAME not in f"{row!r} {row} {row.__dict__} {vars(row)!r}"

    def test_by_a_pickle_of_what_is_not_saved(self) -> None:
        row = Person(name=NAME)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(vars(row)["name"])
        vars(row)["name"] = copy.deepcopy(vars(row)["name"])
        assert row.name == NAME

    def test_by_fixtures_forms_and_serializers_that_name_no_column(self) -> None:
        row = read(person())
        assert NAME not in serializers.serialize("json", [row])
        assert HIDDEN in serializers.serialize("json", [row])

        class Everything(ModelSerializer):
            class Meta:
                model = Person
                fields = ["id", "name", "email", "facts"]

        assert NAME not in str(Everything(row).data)
        form = modelform_factory(Person, fields="__all__")(instance=row)
        assert NAME not in str(form)
        assert set(form.fields) & {"name", "email", "email_index", "facts", "note"} == set()

    def test_to_a_serializer_that_names_no_column_and_nothing_is_taken_from_it(self) -> None:
        class Everything(ModelSerializer):
            class Meta:
                model = Person
                fields = "__all__"

        row = read(person(email="kept@example.com", facts={"a": 1}))
        for sent in (dict(Everything(row).data), {"name": "Ida", "email": "x@example.com", "facts": {}, "note": "n"}):
            written = Everything(read(row), data=sent | {"town": "Ely"}, partial=True)
            assert written.is_valid(), written.errors
            assert {"name", "email", "facts", "note", "email_index"} & set(written.validated_data) == set()
            written.save()
            again = read(row)
            assert (again.town, again.name, again.email, again.facts) == ("Ely", NAME, "kept@example.com", {"a": 1})
            assert again.note is None

    def test_to_a_form_that_names_one(self) -> None:
        with pytest.raises(FieldError, match="non-editable"):
            modelform_factory(Person, fields=["name", "town"])

    def test_by_a_log(self, caplog: pytest.LogCaptureFixture) -> None:
        row = read(person())
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("apps.test").warning("row %s", row, extra={"row": row, "held": vars(row)})
        assert NAME not in caplog.text + str([vars(record) for record in caplog.records])

    def test_by_a_database_error(self) -> None:
        row = person()
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            Person.objects.create(pk=row.pk, name=NAME)
        assert NAME not in str(refused.value)

    def test_by_the_page_of_an_exception(self) -> None:
        row, given = read(person()), Person(name=NAME)
        name_length = len(row.name) + len(given.name)
        try:
            assert name_length == 0
        except AssertionError as error:
            page = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_html()
        assert "given" in page
        assert NAME not in page

    def test_in_the_statements_that_are_sent(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            row = person(email="shown@example.com")
            Person.objects.filter(email_index="shown@example.com").get()
            row.name = NAME + "!"
            Person.objects.bulk_update([row], ["name"])
        assert not [q for q in queries if NAME in q["sql"] or "shown@example" in q["sql"]]


@pytest.mark.usefixtures("stage")
class TestWithinAUnitOfWork:
    def test_a_rollback_leaves_an_instance_that_still_reads(self) -> None:
        row = Person(name=NAME, party_id=uuid4())
        with pytest.raises(ZeroDivisionError), unit_of_work():
            row.save()
            raise ZeroDivisionError
        assert row.name == NAME
        row._state.adding = True
        row.save()
        assert read(row).name == NAME

    def test_put_writes_what_only_a_key_could_have_made(self) -> None:
        row = person()
        put(row, "name", stored(row, "name"))
        assert read(row).name == NAME


def test_sealed_querysets_are_what_managers_make() -> None:
    assert isinstance(Person.objects.none(), SealedQuerySet)
