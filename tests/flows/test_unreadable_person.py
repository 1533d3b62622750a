"""Where one person's key was tampered with, or no key can be had, pages that do not need it are still there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client

from apps.accounts.models import Party, User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.core.db import run_sql
from apps.vault.keys import keyring

NAME = "olga.unmistakable"
PAGES = ("", "accounts/user/", "accounts/party/", "audit/auditlog/", "core/alert/", "vault/subjectkey/")
FLIP = "wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)"


@pytest.fixture(scope="class")
def officer(books: str) -> User:
    platform = Party.objects.create(
        kind="LEGAL", legal_name="Platform", country="US", is_platform=True, created_at=clock.now()
    )
    user = make_user(party=platform, role=Role.COMPLIANCE, username=NAME)
    login = {"username": NAME, "password": PASSWORD}
    assert ApiClient(REMOTE_ADDR="203.0.113.77").post("/api/auth/token", login).status_code == 200
    return user


@contextmanager
def changed(table: str, where: str = "true", *values: object) -> Iterator[None]:
    """A byte of stored keys is another until the block ends."""
    change = f"UPDATE {table} SET {FLIP} WHERE {where}"
    run_sql(change, list(values))
    keyring().forget()
    try:
        yield
    finally:
        run_sql(change, list(values))
        keyring().forget()


class TestAnOfficerWhoseNameCannotBeRead:
    def test_because_their_key_was_changed_still_reaches_every_page_and_row(self, officer: User) -> None:
        with changed("vault_subjectkey", "subject = %s", officer.pk):
            pages(officer, "[unreadable ciphertext]")
            listed = api_client(officer).get("/api/compliance/audit-logs")
        assert listed.status_code == 200
        rows = [row for row in listed.json()["data"]["results"] if row["user"] == str(officer.pk)]
        assert {row["ip"] for row in rows} == {"[unreadable]"}

    def test_because_no_key_can_be_had_still_reaches_every_page_and_row(self, officer: User) -> None:
        with changed("vault_purposekey"):
            pages(officer, "[key unavailable]")
            listed = api_client(officer).get("/api/compliance/audit-logs")
            alone = api_client(officer).get("/api/accounts/me")
        assert listed.status_code == 200
        (row,) = [row for row in listed.json()["data"]["results"] if row["action"] == "accounts.logged_in"]
        assert (row["ip"], row["user"]) == ("[key unavailable]", str(officer.pk))
        assert (alone.status_code, alone.json()["error"]["code"]) == (503, "key_unavailable")

    def test_is_checked_and_saved_without_losing_it(self, officer: User) -> None:
        with changed("vault_subjectkey", "subject = %s", officer.pk):
            again = User.objects.get(pk=officer.pk)
            again.clean()
            again.save()
        assert User.objects.get(pk=officer.pk).username == NAME


def pages(officer: User, instead: str) -> None:
    client = Client()
    client.force_login(User.objects.get(pk=officer.pk))
    for page in PAGES:
        shown = client.get(f"/admin/{page}")
        assert shown.status_code == 200, page
        assert instead in shown.content.decode(), page
        assert NAME not in shown.content.decode(), page
