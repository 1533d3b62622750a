"""POST /api/issuance/events/ingest, on the platform's chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import actor_of, make_user
from apps.accounts.types import Role
from apps.chain import calls
from apps.chain.testing import ChainPlatform
from apps.core import clock
from apps.issuance.selectors.issuances import issuance_for
from apps.issuance.services.decisions import approve_issuance
from apps.issuance.services.requests import request_issuance
from apps.issuance.tests.floor import CASH_MINTER, Floor
from apps.issuance.types import IssuanceDraft, IssuanceView

URL = "/api/issuance/events/ingest"


@pytest.fixture(scope="class")
def floor(chain_platform: ChainPlatform) -> Floor:
    return Floor(chain_platform)


@pytest.fixture(scope="class")
def issued(floor: Floor) -> IssuanceView:
    draft = IssuanceDraft("first", floor.isin, "100", party_id=floor.seller.party.pk)
    asked = request_issuance(actor=actor_of(floor.maker), draft=draft, now=clock.now())
    approve_issuance(actor=actor_of(floor.checker), issuance_id=asked.id, now=clock.now())
    floor.run()
    return issuance_for(actor_of(floor.maker), asked.id)


@pytest.fixture(scope="class")
def ops(floor: Floor) -> User:
    return make_user(role=Role.OPS)


def post(user: User | None, tx_hash: Any) -> Any:
    return api_client(user).post(URL, {"tx_hash": tx_hash})


def outcome(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@contextmanager
def impatient() -> Iterator[None]:
    """No request waits for a block."""
    chain = settings.SECURITY.chain
    policy = replace(settings.SECURITY, chain=replace(chain, stream=replace(chain.stream, wait_seconds=0)))
    with override_settings(SECURITY=policy):
        yield


class TestIngest:
    def test_answers_what_the_list_shows_of_it(self, floor: Floor, issued: IssuanceView, ops: User) -> None:
        answer = post(ops, issued.tx_hash)
        assert answer.status_code == 200, answer.content
        data = answer.json()["data"]
        assert (data["state"], data["stored"]) == ("STORED", 0)
        listed = api_client(ops).get(f"/api/issuance/events?tx_hash={issued.tx_hash}").json()["data"]["results"]
        assert data["events"] == listed
        (event,) = [each for each in listed if each["event"] == "MINT"]
        found = (event["isin"], event["to_address"], event["quantity"], event["finality"], event["issuance_id"])
        assert found == (floor.isin, floor.seller.wallet, "100", "FINAL", str(issued.id))
        assert event["intent_id"] == str(issued.intent_id)

    def test_is_shown_to_the_holder_and_the_issuer(self, floor: Floor, issued: IssuanceView) -> None:
        query = f"/api/issuance/events?tx_hash={issued.tx_hash}"
        seen = {
            who: len(api_client(user).get(query).json()["data"]["results"])
            for who, user in (("holder", floor.seller.user), ("other", floor.buyer.user), ("issuer", floor.maker))
        }
        assert seen == {"holder": 1, "other": 0, "issuer": 1}

    def test_says_what_it_waits_for(self, floor: Floor, ops: User) -> None:
        """Nobody follows the chain while the request waits as long as the policy says, then 202."""
        minted = calls.mint(floor.buyer.wallet, 5)
        receipt = floor.platform.send(floor.platform.account(CASH_MINTER), floor.cash, minted)
        with impatient():
            answer = post(ops, receipt["transactionHash"])
        assert answer.status_code == 202, answer.content
        data = answer.json()["data"]
        assert data == {"state": "WAITING", "block_number": int(receipt["blockNumber"], 16), "stored": 0, "events": []}

    def test_refuses_what_it_cannot_read(self, floor: Floor, ops: User) -> None:
        assert outcome(post(ops, "0x" + "ab" * 32)) == (404, "unknown_transaction")
        floor.platform.node.call("evm_setAutomine", False)
        own = floor.platform.account(9).address
        pending = floor.platform.node.call("eth_sendTransaction", {"from": own, "to": own, "value": "0x1"})
        assert outcome(post(ops, pending)) == (409, "transaction_pending")
        floor.platform.node.call("evm_setAutomine", True)
        floor.platform.mine()
        assert outcome(post(ops, pending)) == (422, "contract_not_watched")

    @pytest.mark.parametrize("tx_hash", [None, 1, "", "0x12", "ab" * 32, "0x" + "zz" * 32])
    def test_refuses_what_is_no_hash(self, ops: User, tx_hash: Any) -> None:
        assert post(ops, tx_hash).status_code == 400

    @pytest.mark.parametrize("role", [Role.INVESTOR, Role.ISSUER, Role.COMPLIANCE])
    def test_is_for_operations_alone(self, floor: Floor, role: Role) -> None:
        assert post(make_user(role=role), "0x" + "ab" * 32).status_code == 403
        assert post(None, "0x" + "ab" * 32).status_code == 401
