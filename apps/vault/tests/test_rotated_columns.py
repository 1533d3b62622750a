"""What a rotation finds: every encrypted column of every model, and what it must leave as it is."""

import pytest

from apps.audit.models import AuditLog
from apps.audit.services.trail import log_audit_event
from apps.core.actor import Actor
from apps.core.db import unit_of_work
from apps.core.ids import new_id
from apps.vault.keys import keyring
from apps.vault.models import SubjectKey
from apps.vault.rotation.columns import sealed_columns
from apps.vault.tests.rotating import NONE, rotate
from apps.vault.tests.stage import Person, Sighting, Twin, set_the_stage, stored
from apps.vault.types import Purpose


class TestTheColumns:
    def test_are_those_of_all_models(self) -> None:
        personal = {column.name: column for column in sealed_columns(Purpose.PERSONAL)}
        assert {*personal} >= {
            "accounts.Party.legal_name",
            "accounts.User.username",
            "audit.AuditOrigin.ip",
            "compliance.KycDecision.reason",
        }
        assert personal["audit.AuditOrigin.ip"].append_only
        assert not personal["accounts.Party.legal_name"].append_only
        assert [column.name for column in sealed_columns(Purpose.DOCUMENTS)] == ["vault.Document.particulars"]
        assert sealed_columns(Purpose.INDEX) == []


@pytest.mark.usefixtures("books")
class TestARotation:
    def test_leaves_every_kind_of_column_readable(self) -> None:
        set_the_stage()
        people = [
            Person.objects.create(name=f"Ada {at}", email=f"ada{at}@example.org", facts={"at": at}, version=at + 1)
            for at in range(30)
        ]
        for at, person in enumerate(people):
            person.note = f"note {at}"
            person.save()
        empty = Person.objects.create(name="Grace")
        twin = Twin.objects.create(name="Twin")
        Sighting.objects.bulk_create([Sighting(address=f"192.0.2.{at}") for at in range(30)])
        before = stored(people[0], "name"), stored(people[0], "note")
        columns = sealed_columns(Purpose.PERSONAL, [Person, Twin, Sighting])
        view = rotate(Purpose.PERSONAL, more_columns=columns)
        assert (view.unreadable, view.rewritten) == (0, 4 * 30 + 1 + 1 + 30)
        keyring().forget()
        assert stored(people[0], "name") != before[0]
        assert stored(people[0], "note") != before[1]
        for at, person in enumerate(people):
            found = Person.objects.get(pk=person.pk)
            assert (found.name, found.email, found.facts, found.note) == (
                f"Ada {at}",
                f"ada{at}@example.org",
                {"at": at},
                f"note {at}",
            )
            assert found.email_index == person.email_index
        assert Person.objects.get(pk=empty.pk).email is None
        assert Twin.objects.get(pk=twin.pk).name == "Twin"
        assert [row.address for row in Sighting.objects.order_by("pk")] == [f"192.0.2.{at}" for at in range(30)]

    def test_keeps_the_keys_of_rows_that_never_change(self) -> None:
        user = new_id()
        with unit_of_work():
            log_audit_event(
                actor=Actor(user_id=user, party_id=None, roles=frozenset(), ip_address="192.0.2.7"),
                action="test.seen",
                resource_type="test",
                resource_id="1",
            )
        row = AuditLog.objects.get(action="test.seen")
        assert row.ip == "192.0.2.7"
        for _ in range(2):
            view = rotate(Purpose.PERSONAL)
            assert view.keys_kept >= 1
        keyring().forget()
        assert AuditLog.objects.get(pk=row.pk).ip == "192.0.2.7"
        of_user = SubjectKey.objects.filter(purpose="personal", subject=user)
        # The one the row needs, the present one, and the one between them that nothing needed.
        assert sorted((key.superseded_at is None, key.wrapped is None) for key in of_user) == [
            (False, False),
            (False, True),
            (True, False),
        ]

    def test_of_blind_indexes_keeps_what_is_found_by_them(self) -> None:
        before = keyring().index_key("stage.person.email").mac(b"ada")
        view = rotate(Purpose.INDEX, grace=NONE)
        keyring().forget()
        assert keyring().index_key("stage.person.email").mac(b"ada") == before
        assert view.keys >= 1
