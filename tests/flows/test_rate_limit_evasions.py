"""What someone tries who was told to wait: to look like somebody else, or as if asking for something else."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services.tokens import mint_access_token
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, make_party, make_user
from apps.accounts.types import Role
from apps.core import clock
from apps.core.http.idempotency import REPLAYED
from apps.core.models import IdempotentRequest, RateCounter
from apps.core.testing.valkey import PrivateValkey
from tests.flows.test_rate_limits import LOGIN, ME, address, log_in, someone, stranger

PARTIES, USERS = "/api/accounts/parties", "/api/accounts/users"
NEW_PARTY = {"kind": "LEGAL", "legal_name": "Asked Often", "country": "LI"}


def token_of(user: User) -> str:
    return mint_access_token(user_id=user.pk, now=clock.now()).access


def statuses(answers: Any) -> list[int]:
    return [answer.status_code for answer in answers]


@pytest.mark.usefixtures("books")
class TestAStranger:
    def test_is_the_same_in_ipv4_and_in_ipv6_that_holds_it(self, limit: Any) -> None:
        limit(ANON=2)
        where = address()
        spellings = (where, f"::ffff:{where}", f"::FFFF:{where}", where)
        assert statuses(stranger(each).get(ME) for each in spellings) == [401, 401, 429, 429]

    @pytest.mark.parametrize(
        "borne",
        ["Bearer", "Bearer ", "bearer x", "BEARER x.y.z", "Basic eDp5", "Token x", "Bearer a, Bearer b", ",", "\xff"],
    )
    def test_is_one_whatever_they_bear(self, limit: Any, borne: str) -> None:
        limit(ANON=2)
        client = stranger()
        answers = [client.get(ME), client.get(ME, HTTP_AUTHORIZATION=borne), client.get(ME, HTTP_AUTHORIZATION=borne)]
        assert statuses(answers) == [401, 401, 429]

    def test_is_one_on_every_address_and_with_every_method(self, limit: Any) -> None:
        limit(ANON=6)
        client = stranger()
        asked = [
            *(client.get(ME), client.get(f"{ME}/"), client.head(ME), client.delete(ME), client.post(PARTIES, {})),
            *(client.generic("GET", "/api/dex/orders", "{}"), client.get(ME), client.head(f"{ME}/")),
        ]
        assert statuses(asked) == [401] * 6 + [429] * 2
        assert client.post(ME, {}, HTTP_X_HTTP_METHOD_OVERRIDE="OPTIONS").status_code == 429

    def test_who_bears_a_good_token_twice_is_nobody(self, limit: Any) -> None:
        limit(ANON=1)
        client, good = stranger(), f"Bearer {token_of(make_user())}"
        assert statuses(client.get(ME, HTTP_AUTHORIZATION=f"{good}, {good}") for _ in range(2)) == [401, 429]
        assert client.get(ME, HTTP_AUTHORIZATION=good).status_code == 200


@pytest.mark.usefixtures("books")
class TestAUser:
    def test_is_one_with_each_of_their_tokens_however_it_is_borne(self, limit: Any) -> None:
        limit(USER=3)
        user, client = make_user(), ApiClient()
        borne = [f"{scheme} {token_of(user)}" for scheme in ("Bearer", "bearer", "BEARER", "bEARER", "Bearer")]
        assert statuses(client.get(ME, HTTP_AUTHORIZATION=each) for each in borne) == [200, 200, 200, 429, 429]

    def test_is_counted_for_each_replay(self, limit: Any) -> None:
        limit(USER=3)
        officer, key = api_client(make_user(role=Role.OPS)), str(uuid4())
        answers = [officer.command(PARTIES, NEW_PARTY, key=key) for _ in range(4)]
        assert statuses(answers) == [201, 201, 201, 429]
        assert [REPLAYED in answer for answer in answers] == [False, True, True, False]
        assert [answer.get("RateLimit-Remaining") for answer in answers] == ["2", "1", "0", "0"]

    @pytest.mark.parametrize("key", ["", "a-key"])
    def test_is_counted_in_the_database_for_what_is_rolled_back(
        self, valkey: PrivateValkey, limit: Any, key: str
    ) -> None:
        limit(USER=3)
        officer = api_client(make_user(role=Role.OPS))
        taken = {"username": someone().username, "password": PASSWORD, "party_id": str(make_party().pk)}
        valkey.kill()
        before, kept = User.objects.count(), IdempotentRequest.objects.count()
        headers = {"Idempotency-Key": key} if key else {}
        body = taken | {"role": "INVESTOR"}
        answers = [officer.post(USERS, body, headers=headers) for _ in range(4)]
        assert statuses(answers) == [409, 409, 409, 429]
        assert RateCounter.objects.filter(key__contains="/writes/", current=3).exists()
        assert (User.objects.count(), IdempotentRequest.objects.count()) == (before, kept)


@pytest.mark.usefixtures("books")
class TestALogin:
    def test_is_of_the_same_name_with_blanks_around_it(self, limit: Any) -> None:
        limit(LOGINS=2)
        name = someone().username
        tried = (name, f" {name}", f"{name}\t ", f"\u00a0{name}")
        assert statuses(log_in(stranger(), each, "wrong") for each in tried) == [401, 401, 429, 429]

    def test_by_another_spelling_opens_nothing_either(self, limit: Any) -> None:
        name = someone().username
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
        for each in (name.upper(), wide, f"{name}\u200b"):
            assert log_in(stranger(), each).status_code == 401

    def test_of_the_admin_site_is_of_the_name_it_is_read_as(self, limit: Any) -> None:
        limit(LOGINS=2)
        name = someone().username
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
        tried = (name, wide, f" {name}", name)
        answers = [
            Client(REMOTE_ADDR=address()).post("/admin/login/", {"username": each, "password": "wrong"})
            for each in tried
        ]
        assert statuses(answers) == [200, 200, 429, 429]

    @pytest.mark.parametrize(
        "path", ["/admin/login", "/admin/", "/admin//login/", "/admin/login/x", "/ADMIN/login/", "/admin/logout/"]
    )
    def test_happens_at_one_address_of_the_admin_site_alone(self, path: str) -> None:
        officer, client = make_user(role=Role.OPS), Client()
        client.post(path, {"username": officer.username, "password": PASSWORD, "next": "/admin/"})
        assert isinstance(client.get("/admin/login/").wsgi_request.user, AnonymousUser)

    def test_counts_whatever_stands_behind_its_address(self, limit: Any) -> None:
        limit(LOGINS=2)
        client, form = Client(REMOTE_ADDR=address()), {"username": "nobody", "password": "x"}
        paths = ("/admin/login/?next=/admin/", "/admin/login/?a=1", "/admin/login/?next=//evil.example")
        assert statuses(client.post(path, form) for path in paths) == [200, 200, 429]

    def test_of_the_api_counts_with_a_slash_and_with_any_token(self, limit: Any) -> None:
        limit(LOGINS=2)
        client = ApiClient(REMOTE_ADDR=address())
        tries = ((LOGIN, "Bearer a"), (f"{LOGIN}/", "Bearer b"), (LOGIN, "Bearer c"))
        answers = [
            client.post(path, {"username": uuid4().hex, "password": "x"}, HTTP_AUTHORIZATION=borne)
            for path, borne in tries
        ]
        assert statuses(answers) == [401, 401, 429]
