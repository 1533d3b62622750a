"""What the database undid is run again at the door, over HTTP: at most thrice, with one effect and one record."""

import base64
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.test import override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Party, User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import ALL_ROLES, Role
from apps.core import clock, outbox
from apps.core.db import after_rollback, fetch_one, run_sql, unit_of_work, with_reruns
from apps.core.db.failures import is_conflict, is_lost
from apps.core.http.idempotency import HEADER, REPLAYED, Idempotency
from apps.core.http.views import View
from apps.core.models import InboundWebhook, OutboxEvent
from apps.core.registry import registry
from apps.core.testing.senders import StandardSender, served
from apps.core.testing.wire import CuttingProxy
from apps.core.webhooks import STANDARD_WEBHOOKS
from config.security.secrets import Secret
from config.security.types.parties import WebhookProvider

ADDRESS = "/api/undone"
NEVER = 10**9


def publish(topic: str) -> None:
    with unit_of_work():
        outbox.publish(topic=topic, key="k")


def effects(topic: str) -> int:
    return OutboxEvent.objects.filter(topic=topic).count()


class LateProxy(CuttingProxy):
    """One that is told on the way at which message to hang up."""

    def strike_at(self, at: int) -> None:
        self._at = at


@contextmanager
def through_proxy(*, at: int = NEVER, forward: bool) -> Iterator[LateProxy]:
    """Have all connections that are opened in the block go through a proxy."""
    settings = connections.settings["default"]
    before, there = dict(settings), (settings["HOST"], int(settings["PORT"]))
    connection.close()
    with LateProxy(there, at=at, forward=forward) as proxy:
        settings.update(HOST="127.0.0.1", PORT=proxy.port)
        try:
            yield proxy
        finally:
            connection.close()
            settings.update(before)


class UndoneView(View):
    """Writes one event named by the body's `topic`, then does what the test has put there; notes what failed."""

    required_roles = ALL_ROLES
    idempotency = Idempotency.OPTIONAL
    tries: ClassVar[Counter[str]] = Counter()
    then: ClassVar[Callable[[str, int], object]]

    def post(self, request: Request) -> Response:
        topic = request.data["topic"]
        self.tries[topic] += 1
        with unit_of_work():
            outbox.publish(topic=topic, key="k")
            after_rollback(lambda: publish(f"{topic} failed"))
            type(self).then(topic, self.tries[topic])
        return Response({"topic": topic}, status=201)


urlpatterns = [path("api/undone", UndoneView.as_view())]


@pytest.fixture(autouse=True)
def addresses() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture(scope="class")
def officer(books: str) -> User:
    return make_user(role=Role.OPS)


@pytest.fixture(params=[None, "key"], ids=["without a key", "with a key"])
def key(request: pytest.FixtureRequest) -> str | None:
    return request.param and str(uuid4())


def send(officer: User, topic: str, key: str | None = None) -> Any:
    return api_client(officer).post(ADDRESS, {"topic": topic}, headers={HEADER: key} if key else {})


def elsewhere(call: Callable[[], Any]) -> Any:
    """The call's result, from a connection of its own."""

    def closing() -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result(30)


def change(party: UUID) -> None:
    run_sql("UPDATE accounts_party SET legal_name = legal_name || '.' WHERE id = %s", [party])


def answered_once(officer: User, topic: str, key: str | None, *, tries: int) -> None:
    """The request is answered 201 after so many tries, has one effect, and records no failure."""
    answer = send(officer, topic, key)
    assert answer.status_code == 201, answer.content
    assert (UndoneView.tries[topic], effects(topic), effects(f"{topic} failed")) == (tries, 1, 0)
    if key:
        again = send(officer, topic, key)
        assert (again.status_code, again[REPLAYED], again.content) == (201, "true", answer.content)
        assert UndoneView.tries[topic] == tries


class TestADeadlock:
    def test_of_two_requests_is_answered_to_both(self, officer: User, key: str | None) -> None:
        rows = [make_party().pk, make_party().pk]
        both = threading.Barrier(2)
        order = {f"first {key}": rows, f"second {key}": rows[::-1]}

        def lock(topic: str, tried: int) -> None:
            one, other = order[topic]
            change(one)
            if tried == 1:
                both.wait(30)
            change(other)

        UndoneView.then = staticmethod(lock)

        def ask(topic: str) -> Any:
            try:
                return send(officer, topic, key and f"{key} {topic}".replace(" ", "-"))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(ask, order))
        assert [answer.status_code for answer in answers] == [201, 201]
        assert [effects(topic) for topic in order] == [1, 1]
        # One was the victim, and was run again; nobody wrote down that it had failed.
        assert sorted(UndoneView.tries[topic] for topic in order) == [1, 2]
        assert [effects(f"{topic} failed") for topic in order] == [0, 0]
        found = Party.objects.filter(pk__in=rows).values_list("legal_name", flat=True)
        assert [name.ciphertext[-2:] for name in found] == [b"..", b".."]


class TestASerializationFailure:
    def conflict(self, party: UUID, tries: int) -> Callable[[str, int], None]:
        """In this many tries another transaction changes the row between our look and our change."""

        def then(topic: str, tried: int) -> None:
            # The level must be set before the first statement: a unit of work of its own has it on the connection.
            fetch_one("SELECT legal_name FROM accounts_party WHERE id = %s", [party])
            if tried <= tries:
                elsewhere(lambda: change(party))
            change(party)

        return then

    @pytest.fixture(autouse=True)
    def repeatable_read(self, officer: User) -> Iterator[None]:
        run_sql("SET default_transaction_isolation = 'repeatable read'")
        yield
        run_sql("RESET default_transaction_isolation")

    @pytest.mark.parametrize("failures", [1, 2])
    def test_is_run_again(self, officer: User, key: str | None, failures: int) -> None:
        UndoneView.then = staticmethod(self.conflict(make_party().pk, failures))
        answered_once(officer, f"conflict {failures} {key}", key, tries=failures + 1)

    def test_is_given_up_after_three_tries_and_recorded_once(self, officer: User, key: str | None) -> None:
        UndoneView.then, topic = staticmethod(self.conflict(make_party().pk, 99)), f"conflicts {key}"
        answer = send(officer, topic, key)
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert (UndoneView.tries[topic], effects(topic), effects(f"{topic} failed")) == (3, 0, 1)

    def test_of_the_commit_is_run_again(self, officer: User, key: str | None) -> None:
        """Write skew: each reads what the other changes, and only COMMIT finds out."""
        one, other, topic = make_party().pk, make_party().pk, f"skew {key}"

        def read_then_change(read: UUID, changed: UUID) -> None:
            fetch_one("SELECT legal_name FROM accounts_party WHERE id = %s", [read])
            change(changed)

        def other_side() -> None:
            run_sql("SET default_transaction_isolation = 'serializable'")
            with unit_of_work():
                read_then_change(one, other)

        def then(topic: str, tried: int) -> None:
            read_then_change(other, one)
            if tried == 1:
                elsewhere(other_side)

        run_sql("SET default_transaction_isolation = 'serializable'")
        UndoneView.then = staticmethod(then)
        answered_once(officer, topic, key, tries=2)


class TestALostConnection:
    def test_is_run_again_over_a_new_one(self, officer: User, key: str | None) -> None:
        """As by a restart of the server: the session is ended in the middle of a unit of work."""

        def end_session(topic: str, tried: int) -> None:
            if tried == 1:
                (pid,) = fetch_one("SELECT pg_backend_pid()") or (0,)
                elsewhere(lambda: run_sql("SELECT pg_terminate_backend(%s, 5000)", [pid]))
            run_sql("SELECT 1")

        UndoneView.then = staticmethod(end_session)
        answered_once(officer, f"ended {key}", key, tries=2)

    @pytest.mark.parametrize("forward", [False, True], ids=["COMMIT is lost", "COMMIT arrives"])
    def test_with_the_commit_on_its_way_is_left_to_the_client(
        self, officer: User, key: str | None, forward: bool
    ) -> None:
        topic = f"in doubt {forward} {key}"
        with through_proxy(forward=forward) as proxy:

            def cut_commit(topic: str, tried: int) -> None:
                # The answer that goes with the key is kept in between.
                proxy.strike_at(proxy.messages + (2 if key else 1))

            UndoneView.then = staticmethod(cut_commit)
            answer = send(officer, topic, key)
        assert proxy.struck
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert UndoneView.tries[topic] == 1
        UndoneView.then = staticmethod(lambda *_: None)
        if key:
            again = send(officer, topic, key)
            assert (again.status_code, REPLAYED in again) == (201, forward)
        assert effects(topic) == (1 if forward or key else 0)


class TestAnInboundWebhook:
    @pytest.fixture
    def acme(self, officer: User, settings: LazySettings) -> Iterator[StandardSender]:
        secret = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
        party = WebhookProvider(True, 300, Secret("ACME_SECRET", secret), Secret("ACME_NEXT", ""))
        webhooks = replace(settings.SECURITY.webhooks, inbound={"acme": party})
        settings.SECURITY = replace(settings.SECURITY, webhooks=webhooks)
        before = dict(registry.webhooks)
        registry.webhook("acme", STANDARD_WEBHOOKS, print)
        with override_settings(ROOT_URLCONF="config.urls"), served() as url:
            yield StandardSender(f"{url}/api/webhooks/acme", (secret,))
        registry.webhooks.clear()
        registry.webhooks.update(before)

    def test_that_is_genuine_is_never_refused_for_a_body_that_was_read_before(self, acme: StandardSender) -> None:
        """Cut off at any message the answer is 202, or 503 while COMMIT is on its way; never that the body is wrong."""
        run_again = 0
        for at in range(1, 30):
            event = uuid4().hex
            with through_proxy(at=at, forward=False) as proxy:
                status = acme.send(event, {"n": at}, clock.now()).status_code
                run_again += status == 202 and proxy.messages > at
            assert status in {202, 503}
            assert acme.send(event, {"n": at}, clock.now()).status_code == 202
            assert InboundWebhook.objects.filter(event_id=event).count() == 1
            if status == 202 and proxy.messages <= at:
                break  # it was cut off in its goodbye, or not at all
        assert run_again >= 3
        assert InboundWebhook.objects.exclude(refusal="").count() == 0


class TestWhatIsNotRunAgain:
    def test_is_what_has_committed_something(self, officer: User) -> None:
        party, tries = make_party().pk, count(1)

        def two_units() -> None:
            publish("kept")
            next(tries)
            with unit_of_work():
                run_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                fetch_one("SELECT legal_name FROM accounts_party WHERE id = %s", [party])
                elsewhere(lambda: change(party))
                change(party)

        with pytest.raises(OperationalError) as failed:
            with_reruns(two_units)
        assert is_conflict(failed.value)
        assert (effects("kept"), next(tries)) == (1, 2)

    def test_is_a_part_of_another_unit_of_work(self, officer: User) -> None:
        tries = count(1)

        def fail() -> None:
            next(tries)
            raise_code("40P01")

        with pytest.raises(OperationalError), unit_of_work():
            with_reruns(fail)
        assert next(tries) == 2

    @pytest.mark.parametrize("code", ["57014", "55P03", "25P03", "23505", "53300"])
    def test_is_any_other_failure(self, officer: User, code: str) -> None:
        tries = count(1)

        def fail() -> None:
            next(tries)
            with unit_of_work():
                raise_code(code)

        with pytest.raises(DatabaseError):
            with_reruns(fail)
        assert next(tries) == 2

    def test_is_what_went_well_after_a_failure_it_took_care_of(self, officer: User) -> None:
        """The record of a failure waits for the door only where the door runs again."""

        def caught() -> str:
            try:
                with unit_of_work():
                    after_rollback(lambda: publish("caught"))
                    raise_code("40001")
            except OperationalError:
                return "cared for"
            return "no failure"

        assert (with_reruns(caught), effects("caught")) == ("cared for", 1)


class TestWhatIsALostConnection:
    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
    def test_is_said_by_the_driver_without_a_code(self, kind: type[Exception]) -> None:
        assert is_lost(kind("server closed the connection unexpectedly"))
        assert not is_lost(ValueError("gone"))

    @pytest.mark.parametrize(("code", "lost"), [("08006", True), ("57P01", True), ("57014", False), ("40P01", False)])
    def test_is_said_by_the_server_with_one(self, officer: User, code: str, lost: bool) -> None:
        with pytest.raises(DatabaseError) as failed:
            raise_code(code)
        assert is_lost(failed.value) is lost


def raise_code(code: str) -> None:
    """Have the server raise an error of this SQLSTATE."""
    run_sql(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{code}'; END $$")
