"""A user whose keys were destroyed: the index of their login name goes too, and so does the login."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from apps.accounts.consumers import on_subject_erased
from apps.accounts.models import Party, User
from apps.accounts.services.users import add_user
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, actor_of, make_party, make_user
from apps.accounts.types import Role
from apps.audit.selectors.trail import audit_logs
from apps.core import clock
from apps.core.actor import Actor
from apps.core.daemon import elect
from apps.core.db import unit_of_work
from apps.core.registry import Event
from apps.core.relay import Relay
from apps.vault.services.erasure import erase_subject
from apps.vault.types import SUBJECT_ERASED

NOBODY = Actor(user_id=None, party_id=None)


def erase(subject: UUID) -> None:
    erase_subject(actor=NOBODY, subject=subject, now=clock.now())
    while Relay().step(elect("relay"), clock.now()):
        pass


def log_in(username: str) -> Any:
    return api_client().post("/api/auth/token", {"username": username, "password": PASSWORD})


def row_of(user: User) -> dict[str, Any]:
    return User.objects.filter(pk=user.pk).values("username_index", "is_active", "password").get()


@pytest.fixture(scope="class")
def platform(books: str) -> Party:
    return Party.objects.create(
        kind="LEGAL", legal_name="Platform", country="US", is_platform=True, created_at=clock.now()
    )


@pytest.mark.usefixtures("books")
class TestAnErasedUser:
    def test_is_found_by_no_name(self) -> None:
        user, other = make_user(username="zofie.gone"), make_user(username="zofie.here")
        before, others = row_of(user), row_of(other)
        assert User.objects.named("zofie.gone").exists()
        erase(user.pk)
        after = row_of(user)
        assert not User.objects.named("zofie.gone").exists()
        assert not User.objects.filter(username_index=before["username_index"]).exists()
        assert len(after["username_index"]) == len(before["username_index"])
        assert row_of(other) == others

    def test_logs_in_no_more_and_the_trail_knows_no_name_of_theirs(self) -> None:
        user = make_user(username="zofie.login")
        assert log_in("zofie.login").status_code == 200
        erase(user.pk)
        assert log_in("zofie.login").status_code == 401
        assert audit_logs(action="accounts.login_refused").latest("id").user_id is None

    def test_is_out_with_the_token_they_had(self) -> None:
        user = make_user(username="zofie.token")
        access = log_in("zofie.token").json()["data"]["access"]
        header = {"HTTP_AUTHORIZATION": f"Bearer {access}"}
        assert api_client().get("/api/accounts/me", **header).status_code == 200
        erase(user.pk)
        assert api_client().get("/api/accounts/me", **header).status_code == 401

    def test_is_out_of_the_officers_site(self, platform: Party) -> None:
        officer, browser = make_user(party=platform, role=Role.OPS), Client()
        browser.force_login(officer)
        assert browser.get("/admin/").status_code == 200
        erase(officer.pk)
        assert browser.get("/admin/").status_code == 302

    def test_leaves_the_name_to_whoever_comes(self, platform: Party) -> None:
        ops = actor_of(make_user(party=platform, role=Role.OPS))
        erase(make_user(username="zofie.free").pk)
        more = {"password": PASSWORD, "party_id": make_party().pk, "role": Role.INVESTOR, "now": clock.now()}
        view = add_user(actor=ops, username="zofie.free", **more)
        assert User.objects.named("zofie.free").get().pk == view.id

    def test_stays_so_however_often_it_is_told(self) -> None:
        user = make_user(username="zofie.twice")
        erase(user.pk)
        for _ in range(2):
            with unit_of_work():
                on_subject_erased(Event(1, SUBJECT_ERASED, str(user.pk), {"by": None}))
        again = row_of(user)
        assert (again["is_active"], again["password"][0], len(again["username_index"])) == (False, "!", 16)
        assert not User.objects.named("zofie.twice").exists()

    def test_is_nobody_where_a_party_was_erased(self) -> None:
        user = make_user()
        before = row_of(user)
        erase(user.memberships.get().party_id)
        assert row_of(user) == before
