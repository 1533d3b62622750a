"""The chain over HTTP."""

import pytest

from apps.accounts.models import User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_party, make_user
from apps.chain.models import Signer
from apps.chain.testing import ChainPlatform
from apps.chain.tests.sending import NOBODY, send
from apps.chain.types import SignerRole
from apps.core import clock
from apps.core.ids import new_id


@pytest.fixture(scope="class")
def ops(chain_platform: ChainPlatform) -> User:
    return make_user(role="OPS")


@pytest.mark.usefixtures("chain_platform")
class TestIntent:
    def test_is_shown_to_staff(self, ops: User) -> None:
        intent = send(key="shown", value=1)
        answer = api_client(ops).get(f"/api/chain/intents/{intent.id}")
        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["business_key"], data["state"], data["to"], data["tx_hash"]) == ("shown", "NONCED", NOBODY, None)

    def test_is_shown_to_the_issuer_it_is_for(self) -> None:
        party = make_party()
        intent = send(key="own", party_id=party.id)
        owner, other = make_user(role="ISSUER", party=party), make_user(role="ISSUER")
        assert api_client(owner).get(f"/api/chain/intents/{intent.id}").status_code == 200
        answer = api_client(other).get(f"/api/chain/intents/{intent.id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_intent")

    def test_without_a_party_is_nobodys_but_staffs(self) -> None:
        intent = send(key="nobody's")
        assert api_client(make_user(role="ISSUER")).get(f"/api/chain/intents/{intent.id}").status_code == 404

    def test_is_not_for_investors(self) -> None:
        assert api_client(make_user(role="INVESTOR")).get(f"/api/chain/intents/{new_id()}").status_code == 403

    def test_that_does_not_exist_is_not_found(self, ops: User) -> None:
        assert api_client(ops).get(f"/api/chain/intents/{new_id()}").status_code == 404


@pytest.mark.usefixtures("chain_platform")
class TestStatus:
    def test_tells_blocks_streams_and_signers(self, chain_platform: ChainPlatform, ops: User) -> None:
        chain_platform.run_until_quiet()
        data = api_client(ops).get("/api/chain/status").json()["data"]
        head = chain_platform.node.call("eth_getBlockByNumber", "latest", False)
        assert (data["chain_id"], data["head"]["number"]) == (31337, int(head["number"], 16))
        assert data["head"]["hash"] == head["hash"]
        assert data["final"]["number"] < data["head"]["number"]
        assert [signer["role"] for signer in data["signers"]] == [
            "AGENT",
            "DEPLOYER",
            "MANAGEMENT",
            "MINTER",
            "OPERATOR",
        ]
        assert data["open_intents"] == {}

    def test_tells_of_a_frozen_signer(self, ops: User) -> None:
        Signer.objects.filter(pk=SignerRole.AGENT).update(frozen_at=clock.now(), frozen_reason="FOREIGN_TRANSACTION")
        data = api_client(ops).get("/api/chain/status").json()["data"]
        assert data["signers"][0]["frozen_reason"] == "FOREIGN_TRANSACTION"

    def test_is_for_staff(self) -> None:
        assert api_client(make_user(role="ISSUER")).get("/api/chain/status").status_code == 403


@pytest.mark.usefixtures("chain_platform")
class TestContracts:
    def test_are_told_to_every_role(self, chain_platform: ChainPlatform) -> None:
        data = api_client(make_user(role="INVESTOR")).get("/api/chain/contracts").json()["data"]
        assert data == {
            "chain_id": 31337,
            "dvp": chain_platform.contracts["dvp"],
            "payment_token": chain_platform.contracts["payment_token"],
            "contracts": chain_platform.contracts,
        }

    def test_are_not_told_to_strangers(self) -> None:
        assert api_client().get("/api/chain/contracts").status_code == 401
