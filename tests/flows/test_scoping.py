"""To see or move what is another party's is a 404 that looks like nothing is there, and changes nothing."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import User
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from tests.flows.sweep.asking import JSON, keyed
from tests.flows.sweep.books_digest import digest
from tests.flows.sweep.operations import Operation, operations
from tests.flows.sweep.scene import Scene

# Not a party's own: officers see everyone, and what a security or its token says is public.
FOR_OFFICERS = {Role.COMPLIANCE.value, Role.OPS.value}
PUBLIC = {"isin"}
SCOPED = [o for o in operations() if set(o.parameters) - PUBLIC and o.roles and not o.roles <= FOR_OFFICERS]
LISTS = [o for o in operations() if "cursor" in o.query and o.roles and not o.roles <= FOR_OFFICERS]
# Headers of the one request that is answered.
DIFFERING = ("X-Request-ID", "Content-Length", "RateLimit")
# Public to whoever is logged in.
OPEN = {"list_securities", "list_trades"}

# Whose each thing is, by parameter and by the role that asks: someone who may see it, someone of the same role who may
# not. A new parameter has no entry: its first test says so.
OWNERS: dict[tuple[str, str], Callable[[Scene], tuple[Any, User, User]]] = {
    ("order_id", "INVESTOR"): lambda s: (s.order_id, s.alice.user, s.bob.user),
    ("instruction_id", "INVESTOR"): lambda s: (s.instruction_id, s.bob.user, s.stranger.user),
    ("issuance_id", "ISSUER"): lambda s: (s.request.id, s.issue.checker, s.rival.checker),
    ("issuance_id", "INVESTOR"): lambda s: (s.request.id, s.holder, s.stranger.user),
    ("run_id", "INVESTOR"): lambda s: (s.attested_run_id, s.alice.user, make_user(role=Role.INVESTOR)),
    ("intent_id", "ISSUER"): lambda s: (s.minting.intent_id, s.issue.maker, s.rival.maker),
}


def cases() -> list[Any]:
    """Each scoped operation with each role that may call it but is not an officer."""
    return [
        pytest.param(operation, role, id=f"{operation} as {role}")
        for operation in SCOPED
        for role in sorted((operation.roles or frozenset()) - FOR_OFFICERS)
    ]


def ask(scene: Scene, operation: Operation, user: User, value: Any) -> tuple[int, Any]:
    """Status and answer, less what differs from one request to the next."""
    url = scene.path(operation, **dict.fromkeys(operation.parameters, value))
    body = json.dumps(scene.body(operation)) if operation.body else ""
    response = scene.client_of(user).generic(operation.method.upper(), url, body, JSON, headers=keyed(operation))
    answer = response.json()
    headers = {name: value for name, value in response.items() if not name.startswith(DIFFERING)}
    return response.status_code, (headers, {k: v for k, v in answer.items() if k not in {"timestamp", "request_id"}})


class TestAThingOfAnotherParty:
    @pytest.mark.parametrize(("operation", "role"), cases())
    def test_looks_like_nothing(self, scene: Scene, operation: Operation, role: str) -> None:
        (parameter,) = operation.parameters
        thing, _, outsider = OWNERS[parameter, role](scene)
        before = digest()
        foreign, unknown = ask(scene, operation, outsider, thing), ask(scene, operation, outsider, uuid4())
        assert foreign[0] == 404, foreign
        assert foreign == unknown
        assert digest() == before

    @pytest.mark.parametrize(("operation", "role"), cases())
    def test_is_there_for_its_own(self, scene: Scene, operation: Operation, role: str) -> None:
        """Last, for some of them decide or cancel it."""
        (parameter,) = operation.parameters
        _, owner, _ = OWNERS[parameter, role](scene)
        fresh = Scene.ask(scene.issue).id if operation.writes and parameter == "issuance_id" else None
        status, answer = ask(scene, operation, owner, fresh or OWNERS[parameter, role](scene)[0])
        assert status in {200, 202}, answer


class TestAThingNamedInABody:
    def test_of_another_party_proves_no_wallet(self, scene: Scene) -> None:
        thief, before = scene.client_of(scene.bob.user), digest()
        for challenge in (str(scene.challenge_id), str(uuid4())):
            body = {"challenge_id": challenge, "signature": scene.signature}
            response = thief.post("/api/dex/wallets", body)
            assert (response.status_code, response.json()["error"]["code"]) == (409, "challenge_expired")
        assert digest() == before

    @pytest.mark.parametrize(("url", "more"), [("/api/issuance", True), ("/api/issuance/tokens", False)])
    def test_of_another_issuer_is_an_unknown_security(self, scene: Scene, url: str, more: bool) -> None:
        rival, before, answers = scene.client_of(scene.rival.maker), digest(), []
        for isin in (scene.issue.security.isin, "US5949181045"):
            request = {"client_request_id": "theirs", "party_id": str(scene.issue.holder.pk), "quantity": "1"}
            response = rival.command(url, {"isin": isin} | (request if more else {}))
            answers.append((response.status_code, response.json()["error"]))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
        assert digest() == before

    def test_of_another_party_lists_no_positions(self, scene: Scene) -> None:
        client, answers = scene.client_of(scene.bob.user), []
        for party in (scene.alice.actor.party_id, uuid4()):
            response = client.get(f"/api/ledger/positions?party_id={party}")
            answers.append((response.status_code, response.json()["error"]))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


class TestAList:
    @pytest.mark.parametrize("operation", [o for o in LISTS if o.name not in OPEN], ids=str)
    def test_shows_a_stranger_nothing_of_others(self, scene: Scene, operation: Operation) -> None:
        others = {str(party.actor.party_id) for party in (scene.alice, scene.bob)}
        others |= {scene.alice.wallet, scene.bob.wallet, str(scene.order_id), str(scene.instruction_id)}
        others |= {str(scene.request.id), str(scene.issue.holder.pk), scene.issue.wallet}
        for user in (scene.stranger.user, scene.rival.maker):
            response = scene.client_of(user).get(scene.path(operation))
            if response.status_code == 200:
                found = response.content.decode()
                assert [other for other in others if other in found] == []
            else:
                assert response.status_code == 403

    @pytest.mark.parametrize("operation", [o for o in operations() if o.path.startswith("/api/reports/")], ids=str)
    def test_of_a_report_shows_an_issuer_its_own_securities_only(self, scene: Scene, operation: Operation) -> None:
        client = scene.client_of(scene.rival.maker)
        whole = client.get(scene.path(operation)).content.decode()
        assert scene.issue.security.isin not in whole
        assert scene.market.isin not in whole
        named = [client.get(f"{scene.path(operation)}?isin={isin}") for isin in (scene.market.isin, "US5949181045")]
        assert [response.status_code for response in named] == [404, 404]
        assert named[0].json()["error"] == named[1].json()["error"]
