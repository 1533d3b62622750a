"""Rows written before there was a vault are encrypted by the migrations, and come back in the clear the other way."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections, transaction

from apps.accounts.models import Party, User
from apps.audit.models import AuditLog
from apps.compliance.models import KycDecision
from apps.core.db import fetch_all
from apps.core.ids import new_id
from apps.core.models import InboundWebhook
from apps.core.sealing import unseal
from apps.core.testing.databases import urls_of
from apps.core.webhooks.intake import PURPOSE

ROOT = Path(__file__).resolve().parents[2]
PARTIES = 1203
# The last migrations in the clear.
BEFORE = {"accounts": "0002_rate_tier", "audit": "0002_page_orders", "compliance": "0002_page_orders"}
WITHOUT_VAULT = (("vault", "zero"), ("core", "0008_provider_circuits"))
BODY = b'{"name": "Old Name 1"}'
FILES = """
    SELECT relname, pg_relation_filenode(oid) FROM pg_class
    WHERE relname IN ('accounts_party', 'accounts_user', 'audit_auditlog', 'compliance_kycdecision',
                      'core_inboundwebhook')
"""
MIGRATE = """
import json, sys
import django
from django.core.management import call_command
django.setup()
for target in json.loads(sys.argv[1]):
    call_command("migrate", *target, verbosity=0)
"""
GUARDED = """
    SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger
    WHERE tgname LIKE 'append_only%%' AND tgrelid IN ('audit_auditlog'::regclass, 'compliance_kycdecision'::regclass)
"""


def migrate(database: str, *targets: tuple[str, ...]) -> None:
    """The command once for each target, in a process that has nothing of this one's in memory."""
    command = [sys.executable, "-c", MIGRATE, json.dumps(targets)]
    env = {**os.environ, **urls_of(database)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def as_owner(statement: str, *values: object) -> list[tuple[object, ...]]:
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="class")
def old(books: str) -> Iterator[str]:
    """A database of before the vault: none of its tables is there, and the application has no rights on them."""
    migrate(books, *WITHOUT_VAULT)
    return books


class TestTheMigrations:
    @pytest.mark.soak  # half a minute: every migration since then, there and back
    def test_encrypt_what_was_there_and_give_it_back(self, old: str) -> None:
        user, webhook = new_id(), new_id()
        as_owner(
            """INSERT INTO accounts_party (id, kind, legal_name, country, is_platform, created_at)
               SELECT gen_random_uuid(), 'NATURAL', 'Old Name ' || n, 'DE', false, now()
               FROM generate_series(1, %s) n""",
            PARTIES,
        )
        as_owner(
            """INSERT INTO accounts_user
                   (id, username, password, is_active, is_staff, is_superuser, rate_tier, created_at)
               VALUES (%s, 'old.user', 'x', true, false, false, '', now())""",
            user,
        )
        as_owner(
            """INSERT INTO audit_auditlog (user_id, request_id, ip_address, action, resource_type, resource_id)
               VALUES (%s, '', '192.0.2.7', 'old', 'old', '1'), (NULL, '', '2001:db8::7', 'old', 'old', '2'),
                      (NULL, '', NULL, 'old', 'old', '3')""",
            user,
        )
        as_owner(
            """INSERT INTO compliance_kycdecision (party_id, status, accredited, reason, decided_by_id, decided_at)
               SELECT id, 'REJECTED', false, 'Old words about ' || legal_name, %s, now()
               FROM accounts_party WHERE legal_name LIKE 'Old Name 1_'""",
            user,
        )
        as_owner(
            """INSERT INTO core_inboundwebhook (id, provider, event_id, received_at, body, body_sha256, refusal)
               VALUES (%s, 'kyc', 'waits', now(), %s, '', ''),
                      (gen_random_uuid(), 'kyc', 'done', now(), NULL, '', '')""",
            webhook,
            BODY,
        )
        guards, files = sorted(as_owner(GUARDED)), as_owner(FILES)
        migrate(old, ())
        assert sorted(party.legal_name for party in Party.objects.all()) == sorted(
            f"Old Name {n}" for n in range(1, PARTIES + 1)
        )
        assert User.objects.named("old.user").get().username == "old.user"
        addresses = [row.ip for row in AuditLog.objects.filter(action="old").order_by("resource_id")]
        assert addresses == ["192.0.2.7", "2001:db8::7", None]
        assert {row.reason for row in KycDecision.objects.all()} == {
            f"Old words about Old Name 1{n}" for n in range(10)
        }
        assert sorted(as_owner(GUARDED)) == guards
        assert fetch_all("SELECT 1 FROM accounts_party WHERE position('Old'::bytea IN legal_name) > 0") == []
        waits = bytes(InboundWebhook.objects.get(event_id="waits").body or b"")
        assert unseal(waits, purpose=PURPOSE, bound_to=webhook.bytes) == BODY
        assert InboundWebhook.objects.get(event_id="done").body is None
        # Of a file that was not written anew, the clear text could still be read.
        assert not {*files} & {*as_owner(FILES)}
        self.back(old, guards)
        assert as_owner("SELECT body FROM core_inboundwebhook WHERE event_id = 'waits'")[0][0].tobytes() == BODY

    def back(self, old: str, guards: list[tuple[object, ...]]) -> None:
        # What opens the rows goes last.
        migrate(old, *BEFORE.items(), *WITHOUT_VAULT)
        assert as_owner("SELECT count(*) FROM accounts_party WHERE legal_name ~ '^Old Name [0-9]+$'") == [(PARTIES,)]
        assert as_owner("SELECT username FROM accounts_user") == [("old.user",)]
        found = as_owner("SELECT host(ip_address) FROM audit_auditlog WHERE action = 'old' ORDER BY resource_id")
        assert found == [("192.0.2.7",), ("2001:db8::7",), (None,)]
        assert as_owner("SELECT count(*) FROM compliance_kycdecision WHERE reason LIKE 'Old words about Old%%'") == [
            (10,)
        ]
        assert sorted(as_owner(GUARDED)) == guards
