"""Logging in over HTTP, against a real database."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from apps.accounts.models import User
from apps.accounts.services import passwords
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import PASSWORD, make_user
from apps.audit.selectors.trail import audit_logs

LOGIN = "/api/auth/token"


def log_in(username: Any, password: Any) -> Any:
    return api_client().post(LOGIN, {"username": username, "password": password})


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which argon2 computations were done, in order."""
    done: list[str] = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self: Any, *args: Any, _real: Any = real, _name: str = name) -> Any:
            done.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    return done


@pytest.mark.usefixtures("books")
class TestLogin:
    def test_gives_a_bearer_token_that_the_next_request_accepts(self) -> None:
        user = make_user()
        answer = log_in(user.username, PASSWORD)
        assert answer.status_code == 200, answer.content
        data = answer.json()["data"]
        assert data["token_type"] == "Bearer"
        assert data["expires_in"] == 300
        assert answer["Cache-Control"] == "no-store"
        me = api_client().get("/api/accounts/me", HTTP_AUTHORIZATION=f"Bearer {data['access']}")
        assert me.json()["data"]["user_id"] == str(user.pk)

    def test_ignores_a_stale_token_in_the_header(self) -> None:
        user = make_user()
        body = {"username": user.username, "password": PASSWORD}
        assert api_client().post(LOGIN, body, HTTP_AUTHORIZATION="Bearer stale").status_code == 200

    def test_records_who_logged_in_and_from_where(self) -> None:
        user = make_user()
        answer = log_in(user.username, PASSWORD)
        row = audit_logs(action="accounts.logged_in", resource_id=str(user.pk)).get()
        assert (row.user_id, row.ip, row.request_id) == (user.pk, "127.0.0.1", answer["X-Request-ID"])

    def test_records_what_the_client_says_it_is(self) -> None:
        user = make_user()
        body = {"username": user.username, "password": PASSWORD}
        api_client().post(LOGIN, body, HTTP_USER_AGENT="curl/8 " + "x" * 600)
        row = audit_logs(action="accounts.logged_in", resource_id=str(user.pk)).get()
        assert row.user_agent == "curl/8 " + "x" * 505
        assert {*row.committed} == {"ip", "user_agent"}

    def test_does_not_believe_a_forwarded_address(self) -> None:
        user = make_user()
        body = {"username": user.username, "password": PASSWORD}
        api_client().post(LOGIN, body, HTTP_X_FORWARDED_FOR="203.0.113.9")
        assert audit_logs(action="accounts.logged_in", resource_id=str(user.pk)).get().ip == "127.0.0.1"

    def test_refuses_a_wrong_password_an_unknown_name_and_a_disabled_user_alike(self) -> None:
        user, disabled = make_user(), make_user()
        User.objects.filter(pk=disabled.pk).update(is_active=False)
        answers = [
            log_in(user.username, PASSWORD + "!"),
            log_in("nobody-by-this-name", PASSWORD),
            log_in(disabled.username, PASSWORD),
        ]
        for answer in answers:
            assert answer.status_code == 401
            assert answer.json()["error"] == {
                "code": "invalid_credentials",
                "message": "The username or password is wrong.",
                "details": [],
                "context": {},
            }
            assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_refuses_a_user_who_is_a_member_of_nothing(self) -> None:
        user = make_user()
        user.memberships.all().delete()
        assert log_in(user.username, PASSWORD).status_code == 401

    def test_hashes_once_whether_the_user_exists_or_not(self, hashes: list[str]) -> None:
        user = make_user()
        hashes.clear()
        log_in(user.username, "wrong horse battery staple")
        assert hashes == ["verify"]
        hashes.clear()
        log_in(f"nobody-{uuid4().hex[:8]}", "wrong horse battery staple")
        assert hashes == ["encode"]

    def test_records_a_refusal_without_what_was_typed(self) -> None:
        typed = f"typed-{uuid4().hex[:8]}"
        answer = log_in(typed, PASSWORD)
        row = audit_logs(action="accounts.login_refused", request_id=answer["X-Request-ID"]).get()
        assert (row.resource_id, row.user_id, row.before, row.after) == ("unknown", None, None, None)

    def test_says_busy_rather_than_hash_without_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
        for _ in range(passwords.MAX_CONCURRENT_HASHES):
            passwords._slots.acquire()
        try:
            answer = log_in("anyone", PASSWORD)
        finally:
            for _ in range(passwords.MAX_CONCURRENT_HASHES):
                passwords._slots.release()
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "logins_busy"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"username": "someone"},
            {"username": True, "password": PASSWORD},
            {"username": 12345, "password": PASSWORD},
            {"username": None, "password": PASSWORD},
            {"username": "someone", "password": ["a"]},
            {"username": "some\x00one", "password": PASSWORD},
            {"username": "some\ud800one", "password": PASSWORD},
            {"username": "someone", "password": "p" * 129},
            {"username": "someone", "password": PASSWORD, "is_staff": True},
            {"username": "someone", "password": PASSWORD, "\ud800": True},
        ],
    )
    def test_refuses_a_body_of_another_shape(self, body: Any) -> None:
        answer = api_client().generic("POST", LOGIN, json.dumps(body), content_type="application/json")
        assert answer.status_code == 400, answer.content
        assert answer.json()["success"] is False

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"{",
            b'{"username": "a", "username": "b", "password": "c"}',
            b'{"username": NaN, "password": "c"}',
            b'{"username": Infinity, "password": "c"}',
            b'{"username": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"username": ' + b"9" * 10_000 + b"}",
            b"\xff\xfe",
            b'{"username": "\xed\xa0\x80", "password": "c"}',
        ],
        ids=lambda raw: repr(raw[:24]),
    )
    def test_refuses_what_is_not_one_json_object(self, raw: bytes) -> None:
        answer = api_client().generic("POST", LOGIN, raw, content_type="application/json")
        assert answer.status_code == 400, answer.content
        assert answer.json()["success"] is False

    def test_refuses_a_form(self) -> None:
        assert api_client().post(LOGIN, {"username": "a"}, format="multipart").status_code == 415
