"""Rate limits over HTTP, on a real Valkey and a real database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import SystemRandom
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection, connections
from django.test import Client
from limits import RateLimitItem, RateLimitItemPerMinute
from redis import Redis

from apps.accounts.models import User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, make_party, make_user
from apps.accounts.types import Role
from apps.core.models import RateCounter
from apps.core.rate_limits.counting import PAUSE_SECONDS, Store
from apps.core.rate_limits.taken import Taken
from apps.core.testing.databases import in_force
from apps.core.testing.valkey import PrivateValkey

ME, LOGIN, ORDERS = "/api/accounts/me", "/api/auth/token", "/api/dex/orders"
CANCEL = "/api/dex/orders/01890000-0000-7000-8000-000000000000/cancel"
FIELDS = ("RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_random = SystemRandom()


def address() -> str:
    """An address that nobody counted yet."""
    return f"10.{_random.randrange(256)}.{_random.randrange(256)}.{_random.randrange(1, 255)}"


def stranger(where: str = "") -> ApiClient:
    return ApiClient(REMOTE_ADDR=where or address())


def someone() -> User:
    """A user whose name nobody counted yet."""
    return make_user(username=f"u-{uuid4().hex}")


def log_in(client: ApiClient, username: str, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"username": username, "password": password})


@pytest.fixture(scope="class")
def investor(books: str) -> User:
    return make_user(role=Role.INVESTOR)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which argon2 computations were done."""
    done: list[str] = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *args: Any, _real: Any = real, _name: str = name) -> Any:
            done.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    return done


@pytest.mark.usefixtures("books")
class TestRateLimits:
    def test_refuse_a_stranger_by_address_and_say_when_to_return(self, limit: Any) -> None:
        limit(ANON=2)
        client = stranger()
        assert [client.get(ME).status_code for _ in range(3)] == [401, 401, 429]
        refused = client.get(ME)
        assert refused.json()["error"]["code"] == "rate_limited"
        assert 55 <= int(refused["Retry-After"]) <= 60
        assert refused["RateLimit"] == f'"anonymous";r=0;t={refused["Retry-After"]}'
        assert refused["RateLimit-Policy"] == '"anonymous";q=2;w=60'
        assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("2", "0")
        assert refused["RateLimit-Reset"] == refused["Retry-After"]
        assert stranger().get(ME).status_code == 401

    def test_count_a_bad_token_as_a_stranger(self, limit: Any) -> None:
        limit(ANON=2)
        client = stranger()
        answers = [client.get(ME, HTTP_AUTHORIZATION="Bearer 01890000-0000-7000-8000-000000000000") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert client.get(ME).status_code == 429

    def test_do_not_believe_what_a_client_says_of_its_address(self, limit: Any) -> None:
        limit(ANON=2)
        client = stranger()
        answers = [client.get(ME, HTTP_X_FORWARDED_FOR=address()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]

    def test_join_the_addresses_of_one_ipv6_network(self, limit: Any) -> None:
        limit(ANON=2)
        network = f"2001:db8:{_random.randrange(65536):x}:{_random.randrange(65536):x}"
        answers = [stranger(f"{network}::{host}").get(ME) for host in (1, 2, 3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]

    def test_count_reads_orders_and_cancels_apart(self, limit: Any) -> None:
        limit(USER=3, ORDERS=2)
        client = api_client(make_user(role=Role.INVESTOR))
        assert [client.post(ORDERS, {}).status_code for _ in range(3)] == [400, 400, 429]
        cancels = [client.patch(CANCEL) for _ in range(4)]
        assert [answer.status_code for answer in cancels][3:] == [429]
        assert 429 not in [answer.status_code for answer in cancels[:3]]
        assert cancels[0]["RateLimit-Policy"] == '"cancels";q=3;w=60'
        assert [client.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]

    def test_are_wider_for_a_higher_tier(self, limit: Any) -> None:
        limit(USER=2, ORDERS=2)
        ops, party = api_client(make_user(role=Role.OPS)), make_party()
        new = {"username": f"u-{uuid4().hex}", "password": PASSWORD, "party_id": str(party.pk), "role": "INVESTOR"}
        made = ops.post("/api/accounts/users", new | {"rate_tier": "professional"}).json()["data"]
        assert made["rate_tier"] == "professional"
        client = api_client(User.objects.get(pk=made["id"]))
        tier = django_settings.SECURITY.rate_limits.tiers["professional"]
        assert client.get(ME)["RateLimit-Limit"] == str(2 * tier.read)
        assert client.post(ORDERS, {})["RateLimit-Limit"] == str(2 * tier.trade)
        assert client.patch(CANCEL)["RateLimit-Limit"] == str(2 * tier.cancel)
        User.objects.filter(pk=made["id"]).update(rate_tier="a tier that the policy dropped")
        assert client.get(ME)["RateLimit-Limit"] == "2"

    @pytest.mark.parametrize("tier", ["gold", "", 1, None])
    def test_have_no_tier_that_the_policy_does_not_name(self, limit: Any, tier: Any) -> None:
        ops, party = api_client(make_user(role=Role.OPS)), make_party()
        new = {"username": f"u-{uuid4().hex}", "password": PASSWORD, "party_id": str(party.pk), "role": "INVESTOR"}
        assert ops.post("/api/accounts/users", new | {"rate_tier": tier}).status_code == 400
        assert not User.objects.named(new["username"]).exists()

    def test_count_by_user_wherever_they_ask_from(self, limit: Any) -> None:
        limit(USER=2, ANON=1)
        one, other = make_user(), make_user()
        answers = [api_client(one).get(ME, REMOTE_ADDR=address()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert api_client(other).get(ME).status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("get", ME, 200),
            ("get", "/api/compliance/audit-logs", 403),
            ("get", "/api/dex/orders/01890000-0000-7000-8000-000000000000", 404),
            ("delete", ME, 405),
            ("post", ORDERS, 400),
            ("get", "/api/schema", 200),
        ],
    )
    def test_are_told_on_every_answer(self, investor: User, method: str, path: str, status: int) -> None:
        answer = getattr(api_client(investor), method)(path)
        assert answer.status_code == status
        assert all(field in answer for field in FIELDS)
        assert "Retry-After" not in answer

    def test_never_refuse_a_probe(self, limit: Any) -> None:
        limit(ANON=1)
        client = stranger()
        for path in ("/api/health", "/api/ready", "/api/metrics"):
            answers = [client.get(path) for _ in range(3)]
            assert 429 not in [answer.status_code for answer in answers]
            assert "RateLimit" not in answers[0]

    def test_ask_nothing_of_the_database_for_whom_they_just_refused(self, limit: Any) -> None:
        limit(USER=1)
        client, asked = api_client(make_user()), []

        def watch(execute: Any, *query: Any) -> Any:
            asked.append(query[0])
            return execute(*query)

        assert [client.get(ME).status_code for _ in range(2)] == [200, 429]
        with connection.execute_wrapper(watch):
            assert client.get(ME).status_code == 429
        assert asked == []

    def test_keep_no_address_and_no_name_in_valkey(self, limit: Any, tmp_path: Path, settings: LazySettings) -> None:
        with PrivateValkey(tmp_path) as valkey:
            settings.REDIS_URL = valkey.url
            log_in(stranger("192.0.2.77"), "arabella")
            keys = b" ".join(Redis.from_url(valkey.url).keys())
        assert b"bookentry:rate:LIMITER/logins/" in keys
        assert b"192.0.2.77" not in keys
        assert b"arabella" not in keys


@pytest.mark.usefixtures("books")
class TestLogins:
    def test_are_refused_to_one_address_with_many_names(self, limit: Any, hashes: list[str]) -> None:
        limit(LOGINS=3)
        client = stranger()
        answers = [log_in(client, f"guess-{number}") for number in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert len(hashes) == 3

    def test_are_refused_to_one_name_from_many_addresses(self, limit: Any, hashes: list[str]) -> None:
        limit(LOGINS=3)
        name = someone().username
        hashes.clear()
        answers = [log_in(stranger(), name, "wrong") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert answers[4]["RateLimit-Policy"] == '"logins";q=3;w=60'
        assert answers[4]["RateLimit-Remaining"] == "0"
        assert int(answers[4]["Retry-After"]) > 50
        assert len(hashes) == 3

    def test_of_the_admin_site_count_with_those_of_the_api(self, limit: Any, hashes: list[str]) -> None:
        limit(LOGINS=3)
        where, name = address(), someone().username
        form = {"username": name, "password": "wrong"}
        assert log_in(stranger(where), name, "wrong").status_code == 401
        hashes.clear()
        answers = [Client(REMOTE_ADDR=where).post("/admin/login/", form) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert int(answers[3]["Retry-After"]) > 50
        assert b"You ask too often" in answers[3].content
        assert len(hashes) == 2
        elsewhere = Client(REMOTE_ADDR=address()).post("/admin/login/", form)
        assert elsewhere.status_code == 429
        assert len(hashes) == 2

    def test_leave_the_page_itself_open(self, limit: Any) -> None:
        limit(LOGINS=1)
        client = Client(REMOTE_ADDR=address())
        assert {client.get("/admin/login/").status_code for _ in range(3)} == {200}


@pytest.mark.usefixtures("books")
class TestWithoutValkey:
    def test_the_database_counts_until_it_is_back(self, valkey: PrivateValkey, limit: Any) -> None:
        limit(USER=3)
        client = api_client(make_user())
        assert client.get(ME).status_code == 200
        valkey.kill()
        assert [client.get(ME).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert RateCounter.objects.filter(key__contains="/reads/").exists()
        valkey.start()
        deadline = time.monotonic() + 20
        while not Redis.from_url(valkey.url).keys("*bookentry:rate:*reads*") and time.monotonic() < deadline:
            assert api_client(make_user()).get(ME).status_code == 200
            wait(0.1)
        assert time.monotonic() < deadline

    def test_no_request_fails_while_it_dies_and_returns_under_load(self, valkey: PrivateValkey, limit: Any) -> None:
        limit(USER=10)
        users, stop = [make_user() for _ in range(4)], threading.Event()

        def ask(user: User) -> list[int]:
            client, seen = api_client(user), []
            while not stop.is_set():
                seen.append(client.get(ME).status_code)
            connections.close_all()
            return seen

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(ask, user) for user in users]
            for _ in range(3):
                wait(0.5)
                valkey.kill()
                wait(0.5)
                valkey.start()
            stop.set()
        for seen in (future.result() for future in running):
            assert set(seen) <= {200, 429}
            # One limit's worth in the database, and one in each Valkey that began with nothing.
            assert 10 <= seen.count(200) <= 10 * 5

    def test_logins_are_closed_and_reads_open_when_nobody_counts(self, valkey: PrivateValkey, limit: Any) -> None:
        limit(LOGINS=1, ANON=1)
        valkey.kill()
        wait(PAUSE_SECONDS)
        with in_force("no_such_database"):
            client = stranger()
            refused = log_in(client, "anyone")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "logins_closed")
            assert refused["Retry-After"] == "1"
            page = Client(REMOTE_ADDR=address()).post("/admin/login/", {"username": "anyone", "password": "x"})
            assert page.status_code == 503
            assert {client.get("/api/schema").status_code for _ in range(3)} == {200}
        wait(PAUSE_SECONDS)


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)


class Failing:
    """A store of counters that does not answer, and counts how often it was asked."""

    asked = 0

    def take(self, rate: RateLimitItem, key: str) -> Taken:
        self.asked += 1
        raise TimeoutError


class TestAStoreThatFails:
    def test_is_asked_once_in_a_while_however_many_requests_come(self) -> None:
        failing = Failing()
        store = Store("failing", lambda: failing, (OSError,))
        assert {store.take(RateLimitItemPerMinute(1), "caller") for _ in range(100)} == {None}
        assert failing.asked == 1
        wait(PAUSE_SECONDS)
        assert {store.take(RateLimitItemPerMinute(1), "caller") for _ in range(100)} == {None}
        assert failing.asked == 2
