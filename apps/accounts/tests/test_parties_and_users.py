"""Opening parties and adding users over HTTP."""

from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from apps.accounts.models import Party, User
from apps.accounts.testing import ApiClient, api_client
from apps.accounts.tests.factories import PASSWORD, make_party, make_user
from apps.accounts.types import Role
from apps.audit.selectors.trail import audit_logs
from apps.core import clock
from apps.core.models import OutboxEvent

PARTIES, USERS = "/api/accounts/parties", "/api/accounts/users"
PARTY = {"kind": "NATURAL", "legal_name": "Ada Example", "country": "GB"}


def platform() -> Party:
    return Party.objects.filter(is_platform=True).first() or Party.objects.create(
        kind="LEGAL", legal_name="Platform", country="US", is_platform=True, created_at=clock.now()
    )


def ops() -> ApiClient:
    return api_client(make_user(role=Role.OPS, party=platform()))


def user_body(**changes: Any) -> dict[str, Any]:
    body = {"username": f"new-{uuid4().hex[:12]}", "password": PASSWORD, "role": "INVESTOR"}
    return body | ({"party_id": str(make_party().pk)} | changes)


@pytest.mark.usefixtures("books")
class TestOpeningAParty:
    def test_answers_the_party_and_records_it_without_its_name(self) -> None:
        answer = ops().post(PARTIES, PARTY)
        assert answer.status_code == 201, answer.content
        data = answer.json()["data"]
        assert {name: data[name] for name in PARTY} == PARTY
        row = audit_logs(action="accounts.party_opened", resource_id=data["id"]).get()
        assert row.after == {"kind": "NATURAL", "country": "GB"}

    @pytest.mark.parametrize("role", [Role.ISSUER, Role.INVESTOR, Role.COMPLIANCE])
    def test_is_for_ops_alone(self, role: Role) -> None:
        client, body = api_client(make_user(role=role)), user_body()
        before = (Party.objects.count(), User.objects.count())
        assert client.post(PARTIES, PARTY).status_code == 403
        assert client.post(USERS, body).status_code == 403
        assert (Party.objects.count(), User.objects.count()) == before

    def test_needs_a_login(self) -> None:
        assert api_client().post(PARTIES, PARTY).status_code == 401

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "ROBOT"},
            {"kind": "natural"},
            {"kind": True},
            {"kind": ["NATURAL"]},
            {"legal_name": ""},
            {"legal_name": "   "},
            {"legal_name": "x" * 201},
            {"legal_name": 7},
            {"legal_name": None},
            {"legal_name": "a\x00b"},
            {"legal_name": "line\nbreak"},
            {"legal_name": "Ada \u202eelpmaxE"},
            {"country": "XX"},
            {"country": "gb"},
            {"country": "GBR"},
            {"country": "ＧＢ"},
            {"country": 44},
            {"is_platform": True},
            {"id": "01a1ff81-48aa-70ce-808a-4eefdbf36ff8"},
        ],
        ids=str,
    )
    def test_refuses_bad_input_and_opens_nothing(self, change: dict[str, Any]) -> None:
        client = ops()
        before = Party.objects.count()
        answer = client.post(PARTIES, PARTY | change)
        assert answer.status_code == 400, answer.content
        assert answer.json()["success"] is False
        assert Party.objects.count() == before


@pytest.mark.usefixtures("books")
class TestAddingAUser:
    def test_answers_the_user_who_can_then_log_in(self) -> None:
        body = user_body(role="ISSUER")
        answer = ops().post(USERS, body)
        assert answer.status_code == 201, answer.content
        data = answer.json()["data"]
        assert set(data) == {"id", "username", "party_id", "role", "rate_tier", "created_at"}
        assert (data["username"], data["party_id"], data["role"]) == (body["username"], body["party_id"], "ISSUER")
        login = {"username": body["username"], "password": PASSWORD}
        assert api_client().post("/api/auth/token", login).status_code == 200
        assert not User.objects.get(pk=data["id"]).is_staff

    def test_publishes_the_member_and_records_who_added_it(self) -> None:
        operator = make_user(role=Role.OPS, party=platform())
        body = user_body()
        data = api_client(operator).post(USERS, body).json()["data"]
        ids = {"party_id": body["party_id"], "user_id": data["id"], "role": "INVESTOR"}
        event = OutboxEvent.objects.get(topic="accounts.member_added", key=data["id"])
        assert event.payload == ids
        row = audit_logs(action="accounts.user_added", resource_id=data["id"]).get()
        assert (row.user_id, row.party_id, row.after) == (operator.pk, platform().pk, ids | {"rate_tier": ""})

    @pytest.mark.parametrize("role", ["OPS", "COMPLIANCE"])
    def test_makes_officers_staff_at_the_platforms_party_only(self, role: str) -> None:
        client = ops()
        body = user_body(role=role, party_id=str(platform().pk))
        data = client.post(USERS, body).json()["data"]
        assert User.objects.get(pk=data["id"]).is_staff
        refused = client.post(USERS, user_body(role=role))
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "role_not_for_party")

    @pytest.mark.parametrize("role", ["INVESTOR", "ISSUER"])
    def test_keeps_other_roles_out_of_the_platforms_party(self, role: str) -> None:
        refused = ops().post(USERS, user_body(role=role, party_id=str(platform().pk)))
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "role_not_for_party")

    def test_refuses_a_taken_username_and_changes_nothing(self) -> None:
        client, body = ops(), user_body()
        client.post(USERS, body)
        users, events = User.objects.count(), OutboxEvent.objects.count()
        again = client.post(USERS, body | {"password": "another " + PASSWORD})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "username_taken")
        assert (User.objects.count(), OutboxEvent.objects.count()) == (users, events)
        assert User.objects.named(body["username"]).get().check_password(PASSWORD)

    def test_lets_one_of_many_at_once_have_a_username(self) -> None:
        operator, body, barrier = make_user(role=Role.OPS, party=platform()), user_body(), Barrier(6)
        answers: list[int] = []

        def add() -> None:
            client = api_client(operator)
            barrier.wait()
            answers.append(client.post(USERS, body).status_code)
            connections.close_all()

        threads = [Thread(target=add) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [201, 409, 409, 409, 409, 409]

    def test_refuses_an_unknown_party(self) -> None:
        refused = ops().post(USERS, user_body(party_id=str(uuid4())))
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_party")

    @pytest.mark.parametrize("password", ["1q2w3e4r5t6y7u8i9o0p", "new-username-000"])
    def test_refuses_a_password_that_is_common_or_the_username(self, password: str) -> None:
        client = ops()
        before = User.objects.count()
        refused = client.post(USERS, user_body(username="new-username-00", password=password))
        assert refused.status_code == 400, refused.content
        error = refused.json()["error"]
        assert error["code"] == "weak_password"
        assert error["context"]["reasons"]
        assert User.objects.count() == before

    @pytest.mark.parametrize(
        "change",
        [
            {"username": "ab"},
            {"username": "Upper"},
            {"username": "with space"},
            {"username": "аdmin"},
            {"username": "１２３４"},
            {"username": "-leading"},
            {"username": "x" * 65},
            {"username": 12345},
            {"password": "too short"},
            {"password": "p" * 129},
            {"password": True},
            {"password": None},
            {"party_id": "1"},
            {"party_id": 1},
            {"party_id": None},
            {"role": "ADMIN"},
            {"role": "investor"},
            {"role": ["OPS"]},
            {"role": {"a": 1}},
            {"is_staff": True},
            {"is_superuser": True},
            {"is_active": False},
        ],
        ids=str,
    )
    def test_refuses_bad_input_and_adds_nobody(self, change: dict[str, Any]) -> None:
        client, body = ops(), user_body()
        before = User.objects.count()
        answer = client.post(USERS, body | change)
        assert answer.status_code == 400, answer.content
        fields = [error["field"] for error in answer.json()["error"]["details"]]
        assert fields == list(change)
        assert User.objects.count() == before

    def test_never_answers_or_logs_the_password(self, caplog: pytest.LogCaptureFixture) -> None:
        for change in ({}, {"role": "ADMIN"}, {"username": "ab"}, {"password": "1q2w3e4r5t6y7u8i9o0p"}):
            body = user_body(**change)
            answer = ops().post(USERS, body)
            assert body["password"] not in answer.content.decode()
            assert body["password"] not in caplog.text
