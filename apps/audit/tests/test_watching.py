"""Changes of watched tables come into the log by themselves."""

import hashlib
import json
from uuid import uuid4

import pytest
import rfc8785
from django.apps import apps
from django.db import DatabaseError, connections, transaction

from apps.accounts.models import Party
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.audit.services.trail import log_audit_event
from apps.audit.services.watching import TRIGGER, put_triggers, watched
from apps.audit.types import Source
from apps.core.actor import Actor
from apps.core.db import AppendOnlyModel, fetch_all, fetch_one, run_sql, unit_of_work
from apps.vault.tests.rotating import rotate
from apps.vault.types import Purpose

ACTOR = Actor(user_id=uuid4(), party_id=uuid4(), session_id=uuid4(), request_id="r-watch", ip_address="192.0.2.1")


def events(table: str, key: object) -> list[AuditLog]:
    return list(AuditLog.objects.filter(resource_type=table, resource_id=str(key)).order_by("id"))


def rename(party: Party) -> None:
    party.legal_name = "Another Name"
    party.save()


def digest_of(table: str, column: str, key: object) -> dict[str, str]:
    row = fetch_one(f"SELECT {column} FROM {table} WHERE id = %s", [key])
    assert row
    stored = row[0].encode() if isinstance(row[0], str) else bytes(row[0])
    return {"sha256": hashlib.sha256(stored).hexdigest()}


@pytest.mark.usefixtures("books")
class TestAWatchedTable:
    def test_tells_of_a_new_row(self) -> None:
        party = make_party(legal_name="Ada Byron")
        (event,) = events("accounts_party", party.pk)
        assert (event.action, event.source, event.before) == ("accounts_party.inserted", Source.TRIGGER, None)
        assert event.record_class == "customer_accounts"
        assert event.after is not None
        assert (event.after["id"], event.after["country"]) == (str(party.pk), party.country)
        assert event.after["legal_name"] == digest_of("accounts_party", "legal_name", party.pk)
        assert "Ada" not in str(event.after)

    def test_tells_what_changed_in_bulk_and_by_hand(self) -> None:
        parties = [make_party() for _ in range(3)]
        with unit_of_work():
            Party.objects.filter(pk__in=[each.pk for each in parties]).update(country="FR")
        with unit_of_work():
            run_sql("UPDATE accounts_party SET country = reverse('BG') WHERE id = %s", [parties[0].pk])
        for party in parties:
            _, change, *_ = events("accounts_party", party.pk)
            assert (change.action, change.before, change.after) == (
                "accounts_party.updated",
                {"country": party.country},
                {"country": "FR"},
            )
        assert events("accounts_party", parties[0].pk)[2].after == {"country": "GB"}

    def test_tells_of_a_row_that_goes(self) -> None:
        user = make_user(role=Role.OPS)
        (member,) = user.memberships.all()
        with unit_of_work():
            run_sql("DELETE FROM accounts_membership WHERE id = %s", [member.pk])
        gone = events("accounts_membership", member.pk)[-1]
        assert (gone.action, gone.after) == ("accounts_membership.deleted", None)
        assert gone.before is not None
        assert (gone.before["user_id"], gone.before["role"]) == (str(user.pk), "OPS")

    def test_says_nothing_of_what_did_not_change(self) -> None:
        party = make_party()
        with unit_of_work():
            run_sql("UPDATE accounts_party SET country = country WHERE id = %s", [party.pk])
        assert len(events("accounts_party", party.pk)) == 1

    def test_says_nothing_of_what_was_rolled_back(self) -> None:
        party = make_party()
        with pytest.raises(ZeroDivisionError), unit_of_work():
            Party.objects.filter(pk=party.pk).update(country="FR")
            raise ZeroDivisionError
        assert len(events("accounts_party", party.pk)) == 1

    @pytest.mark.parametrize("first", [True, False])
    def test_knows_who_acts_whether_it_is_said_before_or_after(self, first: bool) -> None:
        party = make_party()

        def log() -> None:
            log_audit_event(actor=ACTOR, action="test.done", resource_type="thing", resource_id=party.pk)

        with unit_of_work():
            if first:
                log()
            Party.objects.filter(pk=party.pk).update(country="FR")
            if not first:
                log()
        event = events("accounts_party", party.pk)[-1]
        assert (event.user_id, event.party_id, event.session_id, event.request_id) == (
            ACTOR.user_id,
            ACTOR.party_id,
            ACTOR.session_id,
            "r-watch",
        )
        with unit_of_work():
            Party.objects.filter(pk=party.pk).update(country="DE")
        event = events("accounts_party", party.pk)[-1]
        (role,) = fetch_one("SELECT session_user::text") or ("",)
        assert (event.user_id, event.request_id) == (None, f"db:{role}")

    def test_keeps_passwords_and_indexes_out(self) -> None:
        user = make_user(role=Role.OPS)
        event = events("accounts_user", user.pk)[0]
        assert event.after is not None
        assert event.after["password"] == digest_of("accounts_user", "password", user.pk)
        assert event.after["username"] == digest_of("accounts_user", "username", user.pk)
        assert "username_index" not in event.after

    def test_writes_canonical_text_whatever_the_session_says(self) -> None:
        party = make_party()
        with unit_of_work():
            for setting in ("timezone = 'Asia/Kolkata'", "datestyle = 'SQL, DMY'", "bytea_output = 'escape'"):
                run_sql(f"SET LOCAL {setting}")
            run_sql("UPDATE accounts_party SET created_at = created_at - interval '1 day' WHERE id = %s", [party.pk])
        with unit_of_work():
            rename(Party.objects.get(pk=party.pk))
        first, _, renamed = events("accounts_party", party.pk)
        assert first.after is not None
        assert first.after["created_at"].endswith("+00:00")
        assert renamed.after == {"legal_name": digest_of("accounts_party", "legal_name", party.pk)}
        for (text,) in fetch_all("SELECT after::text FROM audit_auditlog WHERE resource_id = %s", [str(party.pk)]):
            assert text == rfc8785.dumps(json.loads(text)).decode()

    def test_loses_its_change_if_the_event_cannot_be_written(self) -> None:
        party = make_party()
        with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
            cursor.execute(
                "ALTER TABLE audit_auditlog ADD CONSTRAINT full_disk CHECK (after->>'country' <> 'FR') NOT VALID"
            )
        try:
            with pytest.raises(DatabaseError, match="full_disk"), unit_of_work():
                Party.objects.filter(pk=party.pk).update(country="FR")
        finally:
            with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
                cursor.execute("ALTER TABLE audit_auditlog DROP CONSTRAINT full_disk")
        assert Party.objects.get(pk=party.pk).country == party.country

    @pytest.mark.parametrize(
        "statement",
        [
            "SET LOCAL session_replication_role = replica",
            f"ALTER TABLE accounts_party DISABLE TRIGGER {TRIGGER}",
            "ALTER TABLE accounts_party DISABLE TRIGGER ALL",
            f"DROP TRIGGER {TRIGGER} ON accounts_party",
            "CREATE OR REPLACE FUNCTION audit_record_row() RETURNS trigger AS 'SELECT 1' LANGUAGE plpgsql",
        ],
    )
    def test_is_watched_whatever_the_application_does(self, statement: str) -> None:
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), unit_of_work():
            run_sql(statement)
        party = make_party()
        assert len(events("accounts_party", party.pk)) == 1


@pytest.mark.usefixtures("books")
class TestARotation:
    def test_is_recorded_by_its_stages_and_not_row_by_row(self) -> None:
        party = make_party(legal_name="Grace")
        before = digest_of("accounts_party", "legal_name", party.pk)
        view = rotate(Purpose.PERSONAL)
        assert view.rewritten >= 1
        assert digest_of("accounts_party", "legal_name", party.pk) != before
        assert len(events("accounts_party", party.pk)) == 1

    def test_that_is_over_hides_nothing(self) -> None:
        party = make_party()
        rotate(Purpose.PERSONAL)
        (pk,) = fetch_one("SELECT id::text FROM vault_keyrotation LIMIT 1") or ("",)
        with unit_of_work():
            run_sql("SELECT set_config('bookentry.rotation', %s, true)", [pk])
            rename(Party.objects.get(pk=party.pk))
        assert len(events("accounts_party", party.pk)) == 2


@pytest.mark.usefixtures("books")
class TestTheTriggers:
    def test_are_on_every_watched_table_and_on_no_other(self) -> None:
        placed = fetch_all(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s AND tgenabled = 'A'", [TRIGGER]
        )
        assert sorted(row[0] for row in placed) == sorted(each.table for each in watched().values())
        assert {"accounts.Party", "accounts.User", "securities.Security", "compliance.Wallet"} <= {*watched()}

    def test_are_put_back_by_the_next_migration(self) -> None:
        with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE accounts_party DISABLE TRIGGER {TRIGGER}")
        put_triggers(apps.get_app_config("accounts"), "owner")
        assert len(events("accounts_party", make_party().pk)) == 1

    def test_are_on_no_table_that_is_its_own_history(self) -> None:
        """But for exports: what is on record as exported may expire, so who says so stands in the log."""
        histories = [label for label in watched() if issubclass(apps.get_model(label), AppendOnlyModel)]
        assert histories == ["audit.AuditExport"]
