"""A command sent twice, one after the other or at once, has one effect and one answer."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse

from apps.accounts.models import User
from apps.chain.models import TxIntent
from apps.dex.models import Command, Inbox
from apps.issuance.models import IssuanceRequest
from apps.settlement.models import ExpectedMovement
from tests.flows.sweep.asking import call
from tests.flows.sweep.books_digest import KEPT_ANSWERS, digest
from tests.flows.sweep.operations import Operation, operations
from tests.flows.sweep.scene import Scene

BY_NAME = {operation.name: operation for operation in operations()}
ORDER, ISSUANCE = BY_NAME["place_order"], BY_NAME["request_issuance"]
# The id a client gives each command, and a field whose change makes it another command.
COMMANDS = [
    pytest.param(ORDER, "quantity", "duplicate_command", id="an order"),
    pytest.param(ISSUANCE, "quantity", "request_id_reused", id="an issuance"),
]


def send(scene: Scene, user: User, operation: Operation, body: dict[str, Any], **path: Any) -> HttpResponse:
    """One request, under a key of its own: what makes it the same command is its content."""
    url = scene.path(operation, **path)
    return call(scene, operation, json.dumps(body), url=url, client=scene.client_of(user))


def at_once(scene: Scene, users: list[User], operation: Operation, body: dict[str, Any], **path: Any) -> list[Any]:
    """The answers to one request sent by everyone at the same moment, each over a connection of its own."""
    barrier = Barrier(len(users))

    def one(user: User) -> HttpResponse:
        try:
            barrier.wait(timeout=30)
            return send(scene, user, operation, body, **path)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(users)) as pool:
        return list(pool.map(one, users))


def effects() -> tuple[int, ...]:
    """Rows that a command makes, and that a repeated one must not."""
    return tuple(model.objects.count() for model in (Command, Inbox, IssuanceRequest, TxIntent, ExpectedMovement))


def user_of(scene: Scene, operation: Operation) -> User:
    """Someone who may."""
    return scene.users[operation.role]


class TestACommandSentAgain:
    @pytest.mark.parametrize(("operation", "_field", "_code"), COMMANDS)
    def test_has_the_same_answer_and_one_effect(
        self, scene: Scene, operation: Operation, _field: str, _code: str
    ) -> None:
        body, user = scene.body(operation), user_of(scene, operation)
        first = send(scene, user, operation, body)
        before = digest(without={KEPT_ANSWERS})
        again = [send(scene, user, operation, body) for _ in range(3)]
        assert first.status_code in {201, 202}
        assert [(r.status_code, r.json()["data"]) for r in again] == [(first.status_code, first.json()["data"])] * 3
        assert digest(without={KEPT_ANSWERS}) == before

    @pytest.mark.parametrize(("operation", "field", "code"), COMMANDS)
    def test_with_another_body_is_a_409(self, scene: Scene, operation: Operation, field: str, code: str) -> None:
        body, user = scene.body(operation), user_of(scene, operation)
        send(scene, user, operation, body)
        before = digest()
        answer = send(scene, user, operation, body | {field: "2"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
        assert digest() == before

    @pytest.mark.parametrize(("operation", "_field", "_code"), COMMANDS)
    def test_by_another_party_is_that_party_s_own(
        self, scene: Scene, operation: Operation, _field: str, _code: str
    ) -> None:
        others = {"place_order": scene.bob.user, "request_issuance": scene.rival.maker}
        bodies = {"place_order": {}, "request_issuance": {"isin": scene.rival.security.isin}}
        body = scene.body(operation)
        first = send(scene, user_of(scene, operation), operation, body).json()["data"]
        holder = {"party_id": str(scene.rival.holder.pk)} if operation is ISSUANCE else {}
        second = send(scene, others[operation.name], operation, body | bodies[operation.name] | holder)
        assert second.status_code in {201, 202}, second.content
        ids = {first.get("order_id") or first["id"]}
        assert (second.json()["data"].get("order_id") or second.json()["data"]["id"]) not in ids


class TestACommandSentAtOnce:
    @pytest.mark.parametrize(
        "times", [2, pytest.param(8, marks=pytest.mark.soak), pytest.param(16, marks=pytest.mark.soak)]
    )
    @pytest.mark.parametrize("operation", [ORDER, ISSUANCE], ids=str)
    def test_is_one_command(self, scene: Scene, operation: Operation, times: int) -> None:
        before = effects()
        answers = at_once(scene, [user_of(scene, operation)] * times, operation, scene.body(operation))
        assert {answer.status_code for answer in answers} <= {201, 202}, [a.content for a in answers]
        data = [answer.json()["data"] for answer in answers]
        assert len({found.get("order_id") or found["id"] for found in data}) == 1
        grown = [after - earlier for after, earlier in zip(effects(), before, strict=True)]
        assert grown == ([1, 1, 0, 0, 0] if operation is ORDER else [0, 0, 1, 0, 0])

    @pytest.mark.parametrize("times", [2, pytest.param(8, marks=pytest.mark.soak)])
    def test_mints_once(self, scene: Scene, times: int) -> None:
        asked, before = Scene.ask(scene.issue), effects()
        answers = at_once(scene, [scene.issue.checker] * times, BY_NAME["approve_issuance"], {}, issuance_id=asked.id)
        assert {answer.status_code for answer in answers} == {202}, [a.content for a in answers]
        assert len({answer.json()["data"]["intent_id"] for answer in answers}) == 1
        assert [after - earlier for after, earlier in zip(effects(), before, strict=True)] == [0, 0, 0, 1, 1]

    @pytest.mark.parametrize("times", [1, pytest.param(8, marks=pytest.mark.soak)])
    def test_cannot_be_approved_and_rejected(self, scene: Scene, times: int) -> None:
        for _ in range(times):
            asked, before = Scene.ask(scene.issue), effects()
            barrier = Barrier(2)

            def decide(name: str, issuance: Any = asked.id, barrier: Barrier = barrier) -> int:
                try:
                    barrier.wait(timeout=30)
                    user = scene.issue.checker if name == "approve_issuance" else scene.issue.maker
                    return send(scene, user, BY_NAME[name], {}, issuance_id=issuance).status_code
                finally:
                    connections.close_all()

            with ThreadPoolExecutor(2) as pool:
                approved, rejected = pool.map(decide, ("approve_issuance", "reject_issuance"))
            assert (approved, rejected) in {(202, 409), (409, 200)}
            minted = int(approved == 202)
            grown = [after - earlier for after, earlier in zip(effects(), before, strict=True)]
            assert grown == [0, 0, 0, minted, minted]
