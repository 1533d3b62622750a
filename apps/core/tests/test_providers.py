"""Outside services: calls end in time, are repeated within a budget, and stop while a service is down."""

import gzip
import multiprocessing
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from apps.core import clock
from apps.core.db import run_sql, unit_of_work
from apps.core.errors import DomainError
from apps.core.models import ProviderCircuit
from apps.core.providers import REPEATABLE, WITHIN, AnswerTooLong, CircuitOpen, provider, watching
from apps.core.providers.budget import RetryBudget
from apps.core.providers.factory import Factory, guarded_client
from apps.core.registry import registry
from apps.core.tests import fake_service as fake
from apps.core.tests.fake_service import FakeService

fork = multiprocessing.get_context("fork")
BASE = settings.SECURITY.providers["chain_node"]
NAME = "test"


def policy(**changes: Any) -> Any:
    """Of a service that is given up after three failures; `timeouts__total_seconds=1` changes a part."""
    parts: dict[str, dict[str, Any]] = {
        "timeouts": {"read_seconds": 1.0, "total_seconds": 2.0, "connect_seconds": 1.0, "write_seconds": 1.0},
        "breaker": {"failures": 3, "open_seconds": 30.0, "probe_seconds": 30.0, "slow_seconds": 1.5},
        "retry": {"attempts": 1, "first_delay_seconds": 0.01, "longest_delay_seconds": 0.02},
    }
    parts["retry"] |= {"budget_percent": 10, "budget_burst": 5}
    whole = {}
    for name, value in changes.items():
        part, _, key = name.partition("__")
        (parts[part] if key else whole)[key or name] = value
    pieces = {part: replace(getattr(BASE, part), **values) for part, values in parts.items()}
    return replace(BASE, **pieces, **whole)


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake.fake_service() as found:
        yield found


@pytest.fixture(autouse=True)
def closed_circuit(books: str) -> None:
    ProviderCircuit.objects.all().delete()


def circuit() -> ProviderCircuit:
    return ProviderCircuit.objects.get(name=NAME)


def statuses(client: httpx.Client, service: FakeService, number: int, method: str = "POST") -> list[int | str]:
    found: list[int | str] = []
    for _ in range(number):
        try:
            found.append(client.request(method, service.url).status_code)
        except (CircuitOpen, httpx.TransportError) as error:
            found.append(type(error).__name__)
    return found


@pytest.mark.usefixtures("books")
class TestCalls:
    def test_give_the_whole_answer(self, service: FakeService) -> None:
        service.behave = fake.answers(200, gzip.compress(b"hello" * 100), Content_Encoding="gzip", X_Own="1")
        with guarded_client(NAME, policy()) as client:
            answer = client.post(service.url, content=b"{}")
        assert (answer.status_code, answer.content, answer.headers["X-Own"]) == (200, b"hello" * 100, "1")

    @pytest.mark.parametrize("behave", [fake.late(5), fake.drips_headers, fake.drips_body])
    def test_end_by_their_deadline(self, service: FakeService, behave: Any) -> None:
        service.behave = behave
        limits = policy(timeouts__read_seconds=0.5, timeouts__total_seconds=0.8, breaker__slow_seconds=0.8)
        began = time.monotonic()
        with guarded_client(NAME, limits) as client, pytest.raises(httpx.ReadTimeout):
            client.post(service.url)
        assert time.monotonic() - began < 3
        assert circuit().last_error == "ReadTimeout"

    def test_read_no_more_than_is_allowed_unpacked(self, service: FakeService) -> None:
        service.behave = fake.answers(200, gzip.compress(b"0" * 1_000_000), Content_Encoding="gzip")
        with guarded_client(NAME, policy(max_response_bytes=10_000)) as client, pytest.raises(AnswerTooLong):
            client.get(service.url)

    def test_are_refused_in_a_unit_of_work(self, service: FakeService) -> None:
        with (
            guarded_client(NAME, policy()) as client,
            unit_of_work(),
            pytest.raises(RuntimeError, match="never called"),
        ):
            client.get(service.url)
        assert service.seen == []

    def test_speak_no_tls_older_than_1_2(self) -> None:
        with closing(guarded_client(NAME, policy())) as client:
            context = client._transport._inner._pool._ssl_context  # type: ignore[attr-defined]
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.usefixtures("books")
class TestRetries:
    def test_repeat_what_may_be_repeated(self, service: FakeService) -> None:
        with guarded_client(NAME, policy(retry__attempts=3, retry__budget_burst=10)) as client:
            for ask in (
                lambda: client.get(service.url),
                lambda: client.post(service.url, headers={"Idempotency-Key": "k"}),
                lambda: client.post(service.url, extensions=REPEATABLE),
            ):
                service.seen.clear()
                service.behave = fake.one_after_another(fake.resets, fake.answers(503), fake.answers(200))
                assert ask().status_code == 200
                assert len(service.seen) == 3

    def test_never_repeat_another_post(self, service: FakeService) -> None:
        service.behave = fake.answers(503)
        with guarded_client(NAME, policy(retry__attempts=3)) as client:
            assert client.post(service.url).status_code == 503
        assert len(service.seen) == 1

    @pytest.mark.parametrize("asked", ["1", "date"])
    def test_wait_as_long_as_they_are_asked_to(self, service: FakeService, asked: str) -> None:
        if asked == "date":
            asked = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(clock.now().timestamp() + 2))
        service.behave = fake.one_after_another(fake.answers(429, Retry_After=asked), fake.answers(200))
        began = time.monotonic()
        with guarded_client(NAME, policy(retry__attempts=2, timeouts__total_seconds=5.0)) as client:
            assert client.get(service.url).status_code == 200
        assert time.monotonic() - began >= 0.9

    @pytest.mark.parametrize("asked", ["60", "999999999"])
    def test_do_not_wait_beyond_the_deadline(self, service: FakeService, asked: str) -> None:
        service.behave = fake.answers(429, Retry_After=asked)
        began = time.monotonic()
        with guarded_client(NAME, policy(retry__attempts=3)) as client:
            assert client.get(service.url).status_code == 429
        assert len(service.seen) == 1
        assert time.monotonic() - began < 2

    @pytest.mark.parametrize("asked", ["soon", "-1", "١", "1" * 400, "Thu, 99 Foo 2026 99:00:00 GMT"])
    def test_ignore_a_wait_they_cannot_read(self, service: FakeService, asked: str) -> None:
        header = {"Retry_After": asked.encode().decode("latin-1")}
        service.behave = fake.one_after_another(fake.answers(429, **header), fake.answers(200))
        with guarded_client(NAME, policy(retry__attempts=2)) as client:
            assert client.get(service.url).status_code == 200

    def test_stay_within_their_budget(self, service: FakeService) -> None:
        service.behave = fake.answers(429)
        with guarded_client(NAME, policy(retry__attempts=3, retry__budget_burst=2, retry__budget_percent=10)) as client:
            assert statuses(client, service, 50, "GET") == [429] * 50
        assert 50 < len(service.seen) <= 50 + 2 + 5
        assert circuit().retried == len(service.seen) - 50

    def test_have_no_budget_without_burst_or_share(self) -> None:
        budget = RetryBudget(percent=0, burst=0)
        budget.deposit()
        assert not budget.withdraw()


@pytest.mark.usefixtures("books")
class TestBreaker:
    @pytest.mark.parametrize(
        ("behave", "said", "kind"),
        [
            (fake.answers(500), 500, "HTTP 500"),
            (fake.resets, None, None),
            (fake.late(0.4), 200, "slow"),
        ],
    )
    def test_opens_after_failures_in_a_row(self, service: FakeService, behave: Any, said: Any, kind: Any) -> None:
        service.behave = behave
        with guarded_client(NAME, policy(breaker__slow_seconds=0.3)) as client:
            found = statuses(client, service, 5)
        assert found[3:] == ["CircuitOpen"] * 2
        assert said is None or found[:3] == [said] * 3
        assert len(service.seen) == 3
        row = circuit()
        assert (row.state, row.failures, row.calls, row.failed, row.rejected) == ("OPEN", 3, 3, 3, 2)
        assert kind is None or row.last_error == kind

    def test_stays_closed_for_what_the_caller_did_wrong(self, service: FakeService) -> None:
        with guarded_client(NAME, policy()) as client:
            for status in (400, 401, 404, 422, 429):
                service.behave = fake.answers(status)
                assert statuses(client, service, 4) == [status] * 4
            with pytest.raises(httpx.UnsupportedProtocol):
                client.get("ftp://127.0.0.1/")
        assert (circuit().state, circuit().failures) == ("CLOSED", 0)

    def test_begins_to_count_again_after_a_success(self, service: FakeService) -> None:
        with guarded_client(NAME, policy()) as client:
            for _ in range(3):
                service.behave = fake.one_after_another(fake.answers(500), fake.answers(500), fake.answers(200))
                assert statuses(client, service, 3) == [500, 500, 200]
        assert circuit().state == "CLOSED"

    def test_says_when_to_ask_again(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy()) as client:
            statuses(client, service, 3)
            with pytest.raises(CircuitOpen) as refused:
                client.post(service.url)
        assert refused.value.retry_after in {29, 30}
        assert service.url not in f"{refused.value}{refused.value.context}"

    def test_closes_when_a_probe_succeeds_and_opens_when_it_fails(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy(retry__attempts=3)) as client:
            statuses(client, service, 3)
            due()
            assert statuses(client, service, 2, "GET") == [500, "CircuitOpen"]  # a probe is not repeated
            due()
            service.behave = fake.answers(200)
            assert statuses(client, service, 2) == [200, 200]
        assert (circuit().state, circuit().failures) == ("CLOSED", 0)

    def test_lets_another_probe_where_one_ended_by_our_own_fault(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy()) as client:
            statuses(client, service, 3)
            due()
            with pytest.raises(httpx.UnsupportedProtocol):
                client.get("ftp://127.0.0.1/")
            service.behave = fake.answers(200)
            assert statuses(client, service, 1) == [200]

    def test_counts_nothing_of_a_call_that_began_before_it_changed(self, service: FakeService) -> None:
        with guarded_client(NAME, policy()) as client:
            guard = client._transport._circuit  # type: ignore[attr-defined]
            old = guard.admit()
            run_sql("UPDATE core_providercircuit SET epoch = epoch + 2, failures = 2")
            guard.failed(old, "ReadTimeout")
            guard.succeeded(replace(old, failures=1))
        assert (circuit().state, circuit().failures) == ("CLOSED", 2)

    def test_stays_as_it_was_while_the_database_is_away(self, service: FakeService, books: str) -> None:
        connection = connections["default"]
        with guarded_client(NAME, policy()) as client:
            assert statuses(client, service, 1) == [200]
            with broken(connection):
                assert statuses(client, service, 2) == [200, 200]
            service.behave = fake.answers(500)
            statuses(client, service, 3)
            assert statuses(client, service, 1) == ["CircuitOpen"]
            due()
            with broken(connection):
                assert statuses(client, service, 1) == ["CircuitOpen"]
            service.behave = fake.answers(200)
            assert statuses(client, service, 1) == [200]


class broken:  # noqa: N801
    """The database refuses this process's connection for a while: its server ends it, and its port is another."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.close()
        self._port = self._connection.settings_dict["PORT"]
        self._connection.settings_dict["PORT"] = "1"

    def __exit__(self, *_: object) -> None:
        self._connection.settings_dict["PORT"] = self._port


def due() -> None:
    """Let the time pass after which a probe may go."""
    run_sql("UPDATE core_providercircuit SET open_until = now() WHERE state = 'OPEN'")


def call_once(url: str, probe_seconds: float, pipe: Connection) -> None:
    """A process of its own: says "ready", waits for the word, calls once, says what came of it."""
    with guarded_client(NAME, policy(breaker__probe_seconds=probe_seconds)) as client:
        ProviderCircuit.objects.count()
        pipe.send("ready")
        pipe.recv()
        try:
            pipe.send(str(client.post(url).status_code))
        except (CircuitOpen, httpx.TransportError) as error:
            pipe.send(type(error).__name__)
    os._exit(0)


class Callers:
    """Processes that begin at one word."""

    def __init__(self, number: int, url: str, probe_seconds: float = 30) -> None:
        # A socket to the database that is shared with a child would serve neither.
        connections.close_all()
        pipes = [fork.Pipe() for _ in range(number)]
        self.pipes = [ours for ours, _ in pipes]
        self.processes = [
            fork.Process(target=call_once, args=(url, probe_seconds, theirs), daemon=True) for _, theirs in pipes
        ]
        for process in self.processes:
            process.start()
        assert self.heard() == ["ready"] * number

    def heard(self) -> list[str]:
        """What each says next."""
        assert all(pipe.poll(30) for pipe in self.pipes)
        return sorted(pipe.recv() for pipe in self.pipes)

    def go(self) -> None:
        for pipe in self.pipes:
            pipe.send("go")

    def said(self) -> list[str]:
        found = self.heard()
        for process in self.processes:
            process.join(30)
            assert process.exitcode == 0
        return found


@pytest.mark.usefixtures("books")
class TestProcesses:
    def test_share_one_state(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        callers = Callers(3, service.url)
        callers.go()
        assert callers.said() == ["500", "500", "500"]
        with guarded_client(NAME, policy()) as client:
            assert statuses(client, service, 1) == ["CircuitOpen"]

    def test_send_exactly_one_probe(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy()) as client:
            statuses(client, service, 3)
        service.seen.clear()
        service.behave = fake.late(0.5)
        callers = Callers(5, service.url)
        due()
        callers.go()
        assert callers.said() == ["200"] + ["CircuitOpen"] * 4
        assert len(service.seen) == 1
        assert circuit().state == "CLOSED"

    def test_send_another_probe_when_the_prober_was_killed(self, service: FakeService) -> None:
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy()) as client:
            statuses(client, service, 3)
            service.behave = fake.late(60)
            callers = Callers(1, service.url, probe_seconds=3)
            due()
            service.seen.clear()
            callers.go()
            wait_until(lambda: len(service.seen) == 1)
            callers.processes[0].kill()
            callers.processes[0].join(30)
            service.behave = fake.answers(200)
            assert circuit().state == "HALF_OPEN"
            assert statuses(client, service, 1) == ["CircuitOpen"]
            wait_until(lambda: statuses(client, service, 1) == [200])
        assert circuit().state == "CLOSED"

    def test_that_were_forked_open_connections_of_their_own(self, service: FakeService) -> None:
        own = Factory()
        registry.provider("chain_node_test", lambda client: client)
        try:
            with pytest.raises(ImproperlyConfigured, match=r"providers\.chain_node_test is missing"):
                own.get("chain_node_test")
        finally:
            del registry.providers["chain_node_test"]
        built = provider("chain_node")
        assert provider("chain_node") is built
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            os.write(writing, b"new" if provider("chain_node") is not built else b"old")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 3) == b"new"


class TestInstances:
    def test_of_one_service_have_breakers_of_their_own(self, service: FakeService) -> None:
        own = Factory()
        first, second = own.get("chain_node:ONE"), own.get("chain_node:TWO")
        assert own.get("chain_node:ONE") is first is not second
        service.behave = fake.answers(500)
        url = service.url
        with first(url, chain_id=1) as node:
            for _ in range(BASE.breaker.failures):
                with pytest.raises(DomainError):
                    node.call("eth_chainId")
        states = dict(ProviderCircuit.objects.values_list("name", "state"))
        assert states == {"chain_node:ONE": "OPEN"}
        service.behave = fake.answers(200, b'[{"id": 1, "result": "0x1"}]')
        with second(url, chain_id=1) as node, pytest.raises(DomainError):
            node.call("eth_blockNumber")  # it was asked: its answer just does not fit
        assert ProviderCircuit.objects.get(name="chain_node:TWO").state == "CLOSED"
        own.close()

    def test_of_an_unknown_service_are_not_there(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"providers\.nobody is missing"):
            Factory().get("nobody:ONE")


class TestHurry:
    def test_ends_a_call_before_the_policy_would(self, service: FakeService) -> None:
        service.behave = fake.late(1.5)
        with guarded_client(NAME, policy(timeouts__read_seconds=5.0, timeouts__total_seconds=5.0)) as client:
            began = time.monotonic()
            with pytest.raises(httpx.ReadTimeout):
                client.post(service.url, extensions={WITHIN: 0.2})
            assert time.monotonic() - began < 1.2


def wait_until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.usefixtures("books")
class TestWatching:
    def test_says_the_state_and_the_kind_of_the_last_failure(self, service: FakeService) -> None:
        assert watching.health(NAME).detail == "closed"
        service.behave = fake.answers(500)
        with guarded_client(NAME, policy()) as client:
            statuses(client, service, 4)
        health = watching.health(NAME)
        assert (health.ok, health.required) == (False, False)
        assert health.detail == f"open since {circuit().since:%Y-%m-%dT%H:%M:%SZ}, last failure HTTP 500"

    def test_measures_each_registered_service(self) -> None:
        ProviderCircuit.objects.create(name="chain_node", state="OPEN", since=clock.now(), calls=7, rejected=2)
        found = {(s.metric.name, s.labels): s.value for s in watching.samples() if s.labels[0] == "chain_node"}
        assert found[("bookentry_provider_calls_total", ("chain_node",))] == 7
        assert found[("bookentry_provider_rejected_total", ("chain_node",))] == 2
        assert found[("bookentry_provider_circuit", ("chain_node", "OPEN"))] == 1
        assert found[("bookentry_provider_circuit", ("chain_node", "CLOSED"))] == 0
