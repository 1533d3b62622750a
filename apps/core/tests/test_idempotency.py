"""The Idempotency-Key header: one effect and one answer, whatever is sent again."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Membership, User
from apps.accounts.services.tokens import mint_access_token
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.accounts.types import ALL_ROLES, Role
from apps.core import clock, outbox
from apps.core.db import after_rollback, run_sql, unit_of_work
from apps.core.errors import Conflict
from apps.core.http.idempotency import HEADER, REPLAYED, Idempotency, read_key
from apps.core.http.serializers import StrictSerializer, TextField, read_body
from apps.core.http.views import View
from apps.core.idempotency import purge_expired
from apps.core.models import IdempotentRequest, OutboxEvent
from apps.core.sweeper import Sweeper
from apps.core.testing.waiting import LOOK_SECONDS

FORMER, PRESENT = (
    "a former secret of fifty characters, or nearly so",
    "the present secret of fifty characters or nearly so",
)


class NoteSerializer(StrictSerializer):
    """What to write down, and how to end."""

    text = TextField(max_length=100)
    then = TextField(max_length=20, required=False)


class NotesView(View):
    """Writes a note, and then does what it is told."""

    required_roles = ALL_ROLES
    idempotency = Idempotency.OPTIONAL

    def post(self, request: Request, page: int = 0) -> Response:
        body = read_body(request, NoteSerializer)
        with unit_of_work():
            number = outbox.publish(topic="note", key=body["text"])
            after_rollback(lambda: outbox.publish(topic="refusal", key=body["text"]))
            if body.get("then") == "conflict":
                raise Conflict
            if body.get("then") == "fail":
                raise ZeroDivisionError
        if body.get("then") == "say no":
            return Response({}, status=503)
        answer = {"number": number, "page": page, "text": body["text"]}
        return Response(answer, status=201, headers={"Location": f"/api/notes/{number}"})

    def get(self, request: Request) -> Response:
        return Response({})


class GravesView(NotesView):
    """Only with a key."""

    idempotency = Idempotency.REQUIRED


class SecretsView(NotesView):
    """Never with a key."""

    idempotency: ClassVar[dict[str, Idempotency]] = {"POST": Idempotency.NONE}


urlpatterns = [
    path("api/notes", NotesView.as_view()),
    path("api/pages/<int:page>", NotesView.as_view()),
    path("api/graves", GravesView.as_view()),
    path("api/secrets", SecretsView.as_view()),
]
handler404 = "apps.core.http.error_pages.not_found"
real = [pytest.mark.usefixtures("books"), pytest.mark.urls(__name__)]


def new_key() -> str:
    return str(uuid4())


def send(client: ApiClient, key: str | None, text: str, url: str = "/api/notes", **more: Any) -> Any:
    headers = {} if key is None else {HEADER: key}
    return client.post(url, {"text": text, **more}, headers=headers)


def notes(text: str, topic: str = "note") -> int:
    return OutboxEvent.objects.filter(topic=topic, key=text).count()


@pytest.fixture(scope="class")
def client(books: str) -> ApiClient:
    return api_client(make_user())


class TestTheSameRequestAgain:
    pytestmark = real

    def test_gets_the_same_bytes_and_has_no_second_effect(self, client: ApiClient) -> None:
        key = new_key()
        first, again = send(client, key, "once"), send(client, key, "once")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert {n: again[n] for n in ("Content-Type", "Location")} == {
            n: first[n] for n in ("Content-Type", "Location")
        }
        assert REPLAYED not in first
        assert again[REPLAYED] == "true"
        assert notes("once") == 1

    def test_has_its_own_request_id(self, client: ApiClient) -> None:
        key = new_key()
        ids = [send(client, key, "ids")["X-Request-ID"] for _ in range(2)]
        assert ids[0] != ids[1]

    def test_is_known_by_what_it_says_not_by_its_spelling(self, client: ApiClient) -> None:
        key = new_key()
        bodies = ('{"text": "spelt", "then": "nothing"}', '{ "then":"nothing","text":"\\u0073pelt" }')
        answers = [client.generic("POST", "/api/notes", b, "application/json", headers={HEADER: key}) for b in bodies]
        assert answers[0].content == answers[1].content
        assert notes("spelt") == 1

    def test_with_another_body_or_address_is_refused(self, client: ApiClient) -> None:
        key, other = new_key(), new_key()
        send(client, key, "first")
        send(client, other, "paged", "/api/pages/1")
        for answer in (send(client, key, "second"), send(client, other, "paged", "/api/pages/2")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
            assert REPLAYED not in answer
        assert (notes("second"), notes("paged")) == (0, 1)

    def test_without_a_key_is_another_request(self, client: ApiClient) -> None:
        before = IdempotentRequest.objects.count()
        assert [send(client, None, "keyless").status_code for _ in range(2)] == [201, 201]
        assert notes("keyless") == 2
        assert IdempotentRequest.objects.count() == before

    def test_to_another_operation_or_by_another_user_is_another_request(self, client: ApiClient) -> None:
        key = new_key()
        for who, url in ((client, "/api/notes"), (client, "/api/graves"), (api_client(make_user()), "/api/notes")):
            answer = send(who, key, "elsewhere", url)
            assert (answer.status_code, REPLAYED in answer) == (201, False)
        assert notes("elsewhere") == 3

    def test_is_answered_only_to_who_may_still_ask(self, client: ApiClient) -> None:
        user, key = make_user(), new_key()
        assert send(api_client(user), key, "mine").status_code == 201
        assert send(api_client(), key, "mine").status_code == 401
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert send(api_client(user), key, "mine").status_code == 401

    @pytest.mark.parametrize("change", ["party", "role"])
    def test_is_not_answered_to_who_has_become_somebody_else(self, books: str, change: str) -> None:
        user, key, text = make_user(role=Role.INVESTOR), new_key(), f"became-{change}"
        assert send(api_client(user), key, text).status_code == 201
        held = Membership.objects.filter(user=user)
        held.update(**({"party": make_party()} if change == "party" else {"role": Role.ISSUER}))
        answer = send(api_client(user), key, text)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
        assert notes(text) == 1

    def test_is_refused_to_who_has_lost_the_role_before_anything_is_read(self, books: str) -> None:
        user, key = make_user(role=Role.OPS), new_key()
        new = {"kind": "LEGAL", "legal_name": "Kept for OPS", "country": "LI"}
        with override_settings(ROOT_URLCONF="config.urls"):
            assert api_client(user).command("/api/accounts/parties", new, key=key).status_code == 201
            Membership.objects.filter(user=user).update(role=Role.COMPLIANCE)
            answer = api_client(user).command("/api/accounts/parties", new, key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


class TestARefusedRequest:
    pytestmark = real

    @pytest.mark.parametrize(("then", "status"), [("conflict", 409), ("fail", 500), ("say no", 503)])
    def test_keeps_nothing_and_may_be_sent_again(self, client: ApiClient, then: str, status: int) -> None:
        key, before = new_key(), IdempotentRequest.objects.count()
        assert [send(client, key, then, then=then).status_code for _ in range(2)] == [status] * 2
        assert (notes(then), IdempotentRequest.objects.count()) == (0, before)
        better = send(client, key, then)
        assert (better.status_code, REPLAYED in better) == (201, False)

    def test_records_what_must_outlive_its_rollback(self, client: ApiClient) -> None:
        send(client, new_key(), "recorded", then="conflict")
        assert (notes("recorded"), notes("recorded", "refusal")) == (0, 1)

    def test_for_its_shape_may_be_mended_under_the_same_key(self, client: ApiClient) -> None:
        key = new_key()
        assert send(client, key, "x" * 101).status_code == 400
        assert client.generic("POST", "/api/notes", b"{", "application/json", headers={HEADER: key}).status_code == 400
        assert send(client, key, "mended").status_code == 201


class TestWhoTakesAKey:
    pytestmark = real

    def test_a_grave_command_needs_one(self, client: ApiClient) -> None:
        answer = send(client, None, "grave", "/api/graves")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key_required")
        assert notes("grave") == 0
        assert send(client, new_key(), "grave", "/api/graves").status_code == 201

    def test_where_it_would_protect_nothing_it_is_refused(self, client: ApiClient) -> None:
        for key in (new_key(), "not a key"):
            answer = send(client, key, "secret", "/api/secrets")
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key_unsupported")
        assert notes("secret") == 0
        assert send(client, None, "secret", "/api/secrets").status_code == 201

    def test_reading_needs_no_protection(self, client: ApiClient) -> None:
        for url in ("/api/notes", "/api/graves", "/api/secrets"):
            answer = client.get(url, headers={HEADER: "not a key"})
            assert (answer.status_code, REPLAYED in answer) == (200, False)


class TestAKey:
    pytestmark = real

    @pytest.mark.parametrize(
        ("value", "key"),
        [
            ("k", "k"),
            ("k" * 255, "k" * 255),
            ("!#~;=:/\\", "!#~;=:/\\"),
            ('"k"', "k"),
            (r'"a\"b\\c"', r'a"b\c'),
            (" k\t", "k"),
        ],
    )
    def test_is_bare_or_quoted(self, value: str, key: str) -> None:
        assert read_key(value) == key

    @pytest.mark.parametrize(
        "value",
        [
            *(
                "",
                " ",
                '""',
                '"',
                '"k',
                'k"',
                '"k"x',
                '"a";p=1',
                "a b",
                '"a b"',
                "a,b",
                "a, a",
                '"a","b"',
                "k\x00",
                "k\x7f",
            ),
            *(
                "k" * 256,
                '"' + "k" * 256 + '"',
                '"' + r"\\" * 256 + '"',
                r'"a\b"',
                "schlüssel",
                "\u212aey",
                "k\r\nX-A: b",
            ),
        ],
    )
    def test_of_another_form_is_refused(self, client: ApiClient, value: str) -> None:
        before = OutboxEvent.objects.count()
        # As a server hands it on: PEP 3333 has header values in Latin-1.
        header = value.encode().decode("latin-1")
        answer = client.post("/api/notes", {"text": "odd"}, HTTP_IDEMPOTENCY_KEY=header)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_key_invalid")
        assert OutboxEvent.objects.count() == before

    def test_quoted_and_bare_is_one_key(self, client: ApiClient) -> None:
        key = new_key()
        answers = [send(client, spelt, "quoted") for spelt in (key, f'"{key}"')]
        assert answers[0].content == answers[1].content
        assert notes("quoted") == 1

    def test_given_twice_is_refused(self, books: str) -> None:
        token = mint_access_token(user_id=make_user().pk, now=clock.now()).access
        with serving() as port:
            for keys in (("a1", "b2"), ("a1", "a1"), ('"a1"', '"b2"'), ("a1", "")):
                assert raw_post(port, token, "/api/notes", {"text": "twice"}, keys) == 400
            assert notes("twice") == 0
            assert raw_post(port, token, "/api/notes", {"text": "twice"}, ("a1",)) == 201


class TestAnExpiredKey:
    pytestmark = real

    def test_is_a_new_key_by_the_clock_of_the_database(self, client: ApiClient) -> None:
        key = new_key()
        send(client, key, "old")
        kept = IdempotentRequest.objects.get(key=key)
        assert (kept.expires_at - kept.created_at).total_seconds() == 24 * 3600
        age(key, "23:59:59")
        assert send(client, key, "old")[REPLAYED] == "true"
        age(key, "24:00:00")
        fresh = send(client, key, "new")
        assert (fresh.status_code, REPLAYED in fresh) == (201, False)
        assert send(client, key, "new").content == fresh.content
        assert (notes("old"), notes("new")) == (1, 1)

    def test_is_removed_by_the_sweeper_in_small_batches(self, client: ApiClient) -> None:
        keys = [new_key() for _ in range(7)]
        for key in keys:
            send(client, key, "swept")
        for key in keys[:5]:
            age(key, "24:00:01")
        assert [purge_expired(limit=2), purge_expired(limit=2)] == [2, 2]
        sweeper = Sweeper()
        sweeper.lead(None)
        sweeper.step(None, clock.now())
        assert set(IdempotentRequest.objects.filter(key__in=keys).values_list("key", flat=True)) == set(keys[5:])


class TestWhatIsKept:
    pytestmark = real

    def test_shows_neither_answer_nor_content(self, client: ApiClient) -> None:
        key = new_key()
        send(client, key, "confidential words")
        kept = IdempotentRequest.objects.get(key=key)
        assert b"confidential" not in bytes(kept.answer)
        with override_settings(SECRET_KEY=PRESENT):
            send(client, other := new_key(), "confidential words")
        assert IdempotentRequest.objects.get(key=other).fingerprint != kept.fingerprint

    def test_is_read_after_the_secret_was_rotated(self, client: ApiClient) -> None:
        key = new_key()
        with override_settings(SECRET_KEY=FORMER):
            who = api_client(make_user())
            first = send(who, key, "rotated")
        with override_settings(SECRET_KEY=PRESENT, SECRET_KEY_FALLBACKS=["unrelated", FORMER]):
            assert send(who, key, "rotated").content == first.content
            assert send(who, key, "other").status_code == 422
        with override_settings(SECRET_KEY=PRESENT):
            for text in ("rotated", "other"):
                answer = send(who, key, text)
                assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_answer_unreadable")
        assert (notes("rotated"), notes("other")) == (1, 0)

    @pytest.mark.parametrize("change", ["key = 'moved'", "status = 200", "headers = '{}'", "answer = '\\x01'"])
    def test_opens_only_where_it_was_put(self, client: ApiClient, change: str) -> None:
        key = new_key()
        send(client, key, "bound")
        before = notes("bound")
        with unit_of_work():
            run_sql(f"UPDATE core_idempotentrequest SET {change} WHERE key = %s", [key])
        answer = send(client, "moved" if "moved" in change else key, "bound")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_answer_unreadable")
        assert notes("bound") == before


def age(key: str, by: str) -> None:
    """Let this much of its life pass for a kept answer."""
    with unit_of_work():
        statement = "UPDATE core_idempotentrequest SET expires_at = now() + interval '24 hours' - %s::interval, "
        run_sql(statement + "created_at = now() - %s::interval WHERE key = %s", [by, by, key])


class QuietHandler(WSGIRequestHandler):
    """Keeps no log."""

    def log_message(self, *args: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[int]:
    """The application behind a real socket; its port."""
    application = get_wsgi_application()

    def answer(environ: dict[str, Any], start: Any) -> Any:
        try:
            return [b"".join(application(environ, start))]
        finally:
            connections.close_all()

    with make_server("127.0.0.1", 0, answer, handler_class=QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def raw_post(port: int, token: str, url: str, body: dict[str, Any], keys: tuple[str, ...]) -> int:
    """The status of a POST with the header as often as there are keys."""
    content = json.dumps(body)
    lines = [f"POST {url} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", "Connection: close"]
    lines += [f"{HEADER}: {key}" for key in keys]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}", "", content]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall("\r\n".join(lines).encode())
        return int(wire.makefile("rb").readline().split()[1])
