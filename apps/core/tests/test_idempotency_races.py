"""One key sent by many at once, by a process that is killed, over a connection that breaks: exactly one effect."""

import multiprocessing
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Party, User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, make_party, make_user
from apps.accounts.types import ALL_ROLES, Role
from apps.core import outbox
from apps.core.db import fetch_all, run_sql, unit_of_work
from apps.core.http.idempotency import HEADER, REPLAYED, Idempotency
from apps.core.http.views import View
from apps.core.idempotency import purge_expired
from apps.core.models import IdempotentRequest, OutboxEvent
from apps.core.testing.wire import CuttingProxy, KillingProxy

fork = multiprocessing.get_context("fork")
# Written or locked by this transaction; reading locks a table against its removal alone.
ROWS_HELD = """
    SELECT locktype, mode FROM pg_locks WHERE pid = pg_backend_pid()
    AND (locktype IN ('transactionid', 'tuple') OR locktype = 'relation' AND mode <> 'AccessShareLock')"""
PARTIES = "/api/accounts/parties"
NEVER = 10**9


class SlowView(View):
    """Writes at once, and answers when it is let."""

    required_roles = ALL_ROLES
    idempotency = Idempotency.OPTIONAL
    written, finish = Event(), Event()

    def post(self, request: Request) -> Response:
        with unit_of_work():
            outbox.publish(topic="slow", key="slow")
        self.written.set()
        assert self.finish.wait(30)
        return Response({}, status=201)


urlpatterns = [path("api/slow", SlowView.as_view())]


def party(name: str) -> dict[str, str]:
    return {"kind": "NATURAL", "legal_name": name, "country": "LI"}


def opened(name: str) -> int:
    return sum(party.legal_name == name for party in Party.objects.all())


def closing(call: Any, *args: Any, **more: Any) -> Any:
    """Call it in a thread, and leave no connection behind."""
    try:
        return call(*args, **more)
    finally:
        connections.close_all()


@pytest.fixture(scope="class")
def officer(books: str) -> User:
    return make_user(role=Role.OPS)


class TestManyAtOnce:
    @pytest.mark.parametrize("times", [16, pytest.param(64, marks=pytest.mark.soak)])
    def test_have_one_effect(self, officer: User, times: int) -> None:
        for name in (f"{times} at once, {number}" for number in range(5)):
            barrier, key = Barrier(times), str(uuid4())

            def send(name: str = name, barrier: Barrier = barrier, key: str = key) -> Any:
                barrier.wait(timeout=30)
                return api_client(officer).command(PARTIES, party(name), key=key)

            with ThreadPoolExecutor(times) as pool:
                answers = list(pool.map(lambda _, send=send: closing(send), range(times)))
            done = [answer for answer in answers if answer.status_code == 201]
            busy = [answer for answer in answers if answer.status_code == 409]
            assert len(done) + len(busy) == times, Counter(answer.status_code for answer in answers)
            assert [REPLAYED in answer for answer in done].count(False) == 1
            assert len({answer.content for answer in done}) == 1
            for answer in busy:
                assert (answer.json()["error"]["code"], answer["Retry-After"]) == ("idempotency_key_in_use", "1")
            assert opened(name) == 1

    @override_settings(ROOT_URLCONF=__name__)
    def test_the_second_is_told_at_once_that_the_first_is_under_way(self, officer: User) -> None:
        key = str(uuid4())
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(closing, api_client(officer).command, "/api/slow", {}, key=key)
            try:
                assert SlowView.written.wait(30)
                began = time.monotonic()
                second = api_client(officer).command("/api/slow", {}, key=key)
                waited = time.monotonic() - began
            finally:
                SlowView.finish.set()
            assert first.result().status_code == 201
        assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
        assert waited < 5  # of the 30 the first would have had
        third = api_client(officer).command("/api/slow", {}, key=key)
        assert (third.status_code, third[REPLAYED]) == (201, "true")
        assert OutboxEvent.objects.filter(topic="slow").count() == 1


class TestThePurge:
    def test_never_makes_two_effects_of_one_live_key(self, officer: User) -> None:
        """Keys expire, are purged and used again, all at once: each life of a key has one effect."""
        keys, stop = [str(uuid4()) for _ in range(4)], Event()
        lives: Counter[str] = Counter()
        counting = threading.Lock()

        def expire_and_purge() -> None:
            while not stop.is_set():
                with unit_of_work():
                    run_sql(
                        "UPDATE core_idempotentrequest SET created_at = now() - interval '2 h', expires_at = now() "
                        "WHERE id = (SELECT id FROM core_idempotentrequest ORDER BY random() LIMIT 1)"
                    )
                purge_expired(limit=1)

        def use(number: int) -> None:
            client, statuses = api_client(officer), Counter()
            for turn in range(40):
                key = keys[(number + turn) % len(keys)]
                answer = client.command(PARTIES, party(f"life {key}"), key=key)
                statuses[answer.status_code] += 1
                if answer.status_code == 201 and REPLAYED not in answer:
                    with counting:
                        lives[key] += 1
            assert set(statuses) <= {201, 409}, statuses

        with ThreadPoolExecutor(6) as pool:
            purging = [pool.submit(closing, expire_and_purge) for _ in range(2)]
            using = [pool.submit(closing, use, number) for number in range(4)]
            try:
                for each in using:
                    each.result()
            finally:
                stop.set()
            for each in purging:
                each.result()
        assert {key: opened(f"life {key}") for key in keys} == dict(lives)
        assert sum(lives.values()) > len(keys)


def send_and_tell(port: int, user: User, name: str, key: str, tell: Connection) -> None:
    """A process that sends one request over its own connection through the proxy, and tells the status."""
    connections.settings["default"].update(HOST="127.0.0.1", PORT=port)
    answer = api_client(user).command(PARTIES, party(name), key=key)
    tell.send((answer.status_code, answer.get("Retry-After")))
    os._exit(0)  # without a word to the database: the commit is the last there is


def upstream() -> tuple[str, int]:
    settings = connections.settings["default"]
    return settings["HOST"], int(settings["PORT"])


def started(*args: Any) -> BaseProcess:
    """A forked process. The parent's connections are closed first: a shared socket would serve neither."""
    connections.close_all()
    process = fork.Process(target=send_and_tell, args=args, daemon=True)
    process.start()
    return process


def struck_at(at: int, officer: User, *, forward: bool, kill: bool) -> tuple[bool, str]:
    """Send a request that is struck at message `at`, then send it again; was it struck, and what came of it.

    "run again": the first was answered all the same; else the second was "replayed" or "done anew".
    """
    name, key, running = f"struck {uuid4()}", str(uuid4()), []
    hear, tell = fork.Pipe(duplex=False)
    proxy = (
        KillingProxy(upstream(), lambda: running[0].pid, at=at, forward=forward)
        if kill
        else CuttingProxy(upstream(), at=at, forward=forward)
    )
    with proxy:
        running.append(started(proxy.port, officer, name, key, tell))
        running[0].join(30)
    assert running[0].exitcode == (-9 if kill and proxy.struck else 0)
    first = hear.recv() if hear.poll() else None
    # Who has answered already says goodbye to the database, and no more: to be cut off in that is no blow.
    run_again = proxy.struck and not kill and first != (503, "1") and proxy.messages > at
    struck = proxy.struck and (kill or run_again or first != (201, None))
    if kill and struck:
        assert first is None
    elif run_again:
        # The session that was cut off may not have ended, and holds the key until it has.
        assert first in {(201, None), (409, "1")}
    elif struck:
        assert first == (503, "1")
    else:
        assert first == (201, None)
    # Whoever was cut off may still be committing, and says so by holding the key.
    for _ in range(200):
        again = api_client(officer).command(PARTIES, party(name), key=key)
        if again.status_code != 409:
            break
        time.sleep(0.01)
    assert again.status_code == 201, again.content
    assert opened(name) == 1
    assert again.json()["data"]["id"] == str(
        next(party.pk for party in Party.objects.all() if party.legal_name == name)
    )
    assert IdempotentRequest.objects.filter(key=key).count() == 1
    if run_again:
        return struck, "run again"
    return struck, "replayed" if REPLAYED in again else "done anew"


@pytest.mark.parametrize(
    "forward",
    [pytest.param(False, marks=pytest.mark.soak), True],
    ids=["before the message", "after the message"],
)
class TestStruckBetweenAnyTwoMessages:
    @pytest.mark.parametrize("kill", [True, pytest.param(False, marks=pytest.mark.soak)], ids=["killed", "cut off"])
    def test_a_command_is_done_once_and_its_answer_kept(self, officer: User, forward: bool, kill: bool) -> None:
        outcomes = []
        for at in range(1, 40):
            struck, outcome = struck_at(at, officer, forward=forward, kill=kill)
            if not struck:
                break
            outcomes.append(outcome)
        # Only once COMMIT is on its way is the first attempt the one that counts, and nobody knows whether it is done.
        assert outcomes[-1] == ("replayed" if forward else "done anew")
        # What is cut off before the handler began is not run again; from then to COMMIT all is.
        began = outcomes.index("run again") if not kill else len(outcomes) - 1
        assert set(outcomes[:began]) == {"done anew"}
        assert set(outcomes[began:-1]) == (set() if kill else {"run again"})
        assert kill or len(outcomes[began:-1]) >= 4
        assert len(outcomes) >= 6
        assert not struck


class TestTheCost:
    def round_trips(self, officer: User, key: str | None) -> int:
        """How often one request asks the database and waits, over a connection that is open already."""
        with CuttingProxy(upstream(), at=NEVER, forward=True) as proxy:
            connections.close_all()
            before = dict(connections.settings["default"])
            connections.settings["default"].update(HOST="127.0.0.1", PORT=proxy.port)
            try:
                client = api_client(officer)
                client.post(PARTIES, party("warm"))
                warm = proxy.round_trips
                client.post(PARTIES, party("measured"), headers={HEADER: key} if key else {})
                return proxy.round_trips - warm
            finally:
                connections.close_all()
                connections.settings["default"].update(before)

    def test_of_a_key_is_two_round_trips(self, officer: User) -> None:
        without, once = self.round_trips(officer, None), self.round_trips(officer, str(uuid4()))
        assert once == without + 2

    def test_of_a_replay_is_one_query(self, officer: User) -> None:
        key, client = str(uuid4()), api_client(officer)
        client.command(PARTIES, party("replayed"), key=key)
        with CaptureQueriesContext(connection) as login:
            client.get("/api/accounts/parties")
        with CaptureQueriesContext(connection) as found:
            assert client.command(PARTIES, party("replayed"), key=key)[REPLAYED] == "true"
        kept = [q["sql"] for q in found if "core_idempotentrequest" in q["sql"]]
        assert len(kept) == 1
        assert len([q for q in found if q["sql"] not in {"BEGIN", "COMMIT"}]) == len(login) + 1


class TestACommandThatTakesLong:
    def test_holds_no_row_while_it_hashes_a_password(self, officer: User, monkeypatch: pytest.MonkeyPatch) -> None:
        held, real = [], Argon2PasswordHasher.encode

        def watched(self: Any, *args: Any) -> Any:
            held.append(fetch_all(ROWS_HELD))
            return real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, "encode", watched)
        name = f"u-{uuid4().hex}"
        new = {"username": name, "password": PASSWORD, "party_id": str(make_party().pk), "role": "INVESTOR"}
        assert api_client(officer).command("/api/accounts/users", new).status_code == 201
        assert held == [[]]
