"""A run attested on a real chain: proofs that the offline verifier accepts, of one's own positions and no others."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from apps.accounts.models import Membership, User
from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.accounts.types import Role
from apps.audit.heads import HeadSigner
from apps.audit.models import AuditLog
from apps.chain.errors import ChainUnavailable, LayoutUnverified
from apps.chain.gateway import Node
from apps.chain.models import StorageLayout
from apps.chain.selectors.storage import BALANCE_OF
from apps.chain.services.tokens import verify_layout
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Answers, Without
from apps.chain.testing.lying_node import LyingNode
from apps.chain.types import LayoutState
from apps.compliance.selectors.wallets import party_of_wallet
from apps.compliance.testing import eligible_investor
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.devstack.ports import free_port
from apps.core.ids import new_id
from apps.reconciliation.errors import NotAttestable, ProofContradicts, UnknownRun
from apps.reconciliation.models import Attestation, StorageNode
from apps.reconciliation.services.attesting import attest
from apps.reconciliation.tests.proving import run_alone
from apps.reconciliation.tests.stage import Stage
from apps.reconciliation.types import AttestationView
from apps.reconciliation.verifier import SIGNED, Proven, Refused, verify

ATTESTATIONS, PROOFS = "/api/reconciliation/attestations", "/api/reconciliation/positions"
KEY = HeadSigner(settings.AUDIT_LOG.seed).public_key.hex()
NOBODYS = "0x" + "de" * 20


@pytest.fixture(scope="class")
def stage(chain_platform: ChainPlatform) -> Stage:
    return Stage(chain_platform)


@pytest.fixture
def liar(stage: Stage) -> Iterator[LyingNode]:
    with LyingNode(stage.platform.url) as found:
        yield found


@pytest.fixture
def lying(liar: LyingNode, stage: Stage) -> Iterator[Node]:
    with Node(liar.url, chain_id=stage.platform.node.chain_id) as found:
        yield found


def attested(stage: Stage) -> AttestationView:
    return attest(run_id=stage.run().id, node=stage.platform.node, now=clock.now())


def owner_of(wallet: str) -> User:
    return Membership.objects.get(party_id=party_of_wallet(wallet)).user


def proof(stage: Stage, user: User, wallet: str = "") -> Any:
    """The answer; whoever asks, no node is asked."""
    query = f"?wallet_address={wallet}" if wallet else ""
    with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
        return api_client(user).get(f"{PROOFS}/{stage.isin}/proof{query}")


def proven(stage: Stage, user: User, wallet: str = "") -> Proven:
    """What the verifier finds in the answer, the block hash taken from the node."""
    answer = proof(stage, user, wallet)
    assert answer.status_code == 200, answer.json()
    number = json.loads(answer.content)["statement"]["block_number"]
    return verify(answer.content, block_hash(stage, number), KEY)


def block_hash(stage: Stage, number: int) -> str:
    return str(stage.platform.node.call("eth_getBlockByNumber", hex(number), False)["hash"])


class TestAttestedRuns:
    """One stage for all, in the order of the tests."""

    def test_16_are_refused_until_the_layout_of_the_storage_is_verified(self, stage: Stage) -> None:
        run = stage.run()
        with pytest.raises(LayoutUnverified):
            attest(run_id=run.id, node=stage.platform.node, now=clock.now())
        assert not Attestation.objects.exists()
        assert proof(stage, owner_of(stage.alice)).json()["error"]["code"] == "unknown_position"
        verify_layout(actor=system_actor(), node=stage.platform.node, isin=stage.isin, now=clock.now())

    def test_say_what_was_compared_signed_with_the_key_of_the_audit_trail(self, stage: Stage) -> None:
        run = stage.run()
        found = attest(run_id=run.id, node=stage.platform.node, now=clock.now())
        said = json.loads(found.statement)
        assert (found.positions, found.booked, found.units, found.supply) == (2, 140, 140, 140)
        assert (found.run_id, found.public_key) == (run.id, KEY)
        assert found.key_id == HeadSigner(settings.AUDIT_LOG.seed).key_id
        assert (said["block_hash"], said["state_root"]) == (run.cut_off.block_hash, run.cut_off.state_root)
        assert (said["status"], said["breaks"], said["supply"], said["decimals"]) == ("CLEAN", 0, "140", 0)
        assert (said["token"], said["isin"], said["run_id"]) == (stage.token, stage.isin, str(run.id))
        HeadSigner(settings.AUDIT_LOG.seed)._key.public_key().verify(
            bytes.fromhex(found.signature), SIGNED + found.statement.encode()
        )

    def test_are_attested_once(self, stage: Stage) -> None:
        row = Attestation.objects.get()
        again = attest(run_id=row.run_id, node=stage.platform.node, now=clock.now())
        assert (again.id, again.signature) == (row.pk, bytes(row.signature).hex())
        told = AuditLog.objects.filter(action="reconciliation.positions_attested", resource_id=str(row.run_id))
        assert told.count() == 1

    def test_prove_to_each_holder_its_own_position(self, stage: Stage) -> None:
        for wallet, units in ((stage.alice, 100), (stage.bob, 40)):
            found = proven(stage, owner_of(wallet))
            assert (found.holder, found.units, found.booked) == (wallet, units, units)
            assert proven(stage, owner_of(wallet), wallet).units == units

    def test_prove_it_to_the_verifier_alone(self, stage: Stage, tmp_path: Path) -> None:
        answer = proof(stage, owner_of(stage.alice))
        assert answer["Content-Type"] == "application/json"
        hash_ = block_hash(stage, json.loads(answer.content)["statement"]["block_number"])
        done = run_alone(tmp_path, answer.content, "--block-hash", hash_, "--key", KEY)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"PROVEN: {stage.alice} holds 100 of {stage.isin}\n")
        other = run_alone(tmp_path, answer.content, "--block-hash", hash_, "--key", "ab" * 32)
        assert (other.returncode, other.stdout) == (3, "")

    def test_prove_nothing_with_any_byte_changed(self, stage: Stage) -> None:
        text = proof(stage, owner_of(stage.bob)).content
        hash_ = json.loads(text)["statement"]["block_hash"]
        pick = random.Random(1)
        for at, byte in enumerate(text):
            other = pick.choice([value for value in range(256) if value != byte])
            with pytest.raises(Refused):
                verify(text[:at] + bytes([other]) + text[at + 1 :], hash_, KEY)

    def test_prove_nothing_of_anothers(self, stage: Stage) -> None:
        unknown = proof(stage, owner_of(stage.bob), NOBODYS)
        foreign = proof(stage, owner_of(stage.bob), stage.alice)
        without = proof(stage, eligible_investor(stage.isin, wallet=NOBODYS))
        assert [each.status_code for each in (unknown, foreign, without)] == [404] * 3
        assert [each.json()["error"]["code"] for each in (unknown, foreign, without)] == ["unknown_position"] * 3
        assert proof(stage, stage.issuer).status_code == 403

    def test_prove_any_to_the_staff_who_name_it(self, stage: Stage) -> None:
        officer = make_user(role=Role.COMPLIANCE)
        assert proven(stage, officer, stage.alice.upper().replace("0X", "0x")).units == 100
        assert proof(stage, officer).status_code == 400
        assert proof(stage, officer, NOBODYS).status_code == 404

    def test_are_shown_to_the_staff_and_to_whoever_has_an_account(self, stage: Stage) -> None:
        row = Attestation.objects.get()
        for user in (make_user(role=Role.OPS), owner_of(stage.bob)):
            answer = api_client(user).get(f"{ATTESTATIONS}/{row.run_id}")
            assert answer.status_code == 200
            said = answer.json()["data"]
            assert (said["booked"], said["units"], said["supply"]) == ("140", "140", "140")
            assert said["statement"].encode() == bytes(row.statement)
        for run_id in (row.run_id, new_id()):
            answer = api_client(make_user(role=Role.INVESTOR)).get(f"{ATTESTATIONS}/{run_id}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_attestation")

    def test_keep_their_proofs_when_positions_change(self, stage: Stage) -> None:
        before, nodes = proof(stage, owner_of(stage.alice)).content, StorageNode.objects.count()
        stage.force(stage.alice, stage.bob, 30)
        assert proof(stage, owner_of(stage.alice)).content == before
        found = attested(stage)  # a forced transfer is a break
        assert json.loads(found.statement)["status"] == "BREAKS"
        assert (found.booked, found.units, found.supply) == (140, 140, 140)
        moved = proven(stage, owner_of(stage.alice))
        assert (moved.booked, moved.units) == (100, 70)
        assert StorageNode.objects.count() > nodes
        # Made of what is kept, the older one is still the same.
        first = Attestation.objects.order_by("pk").first()
        assert json.loads(before)["statement"]["run_id"] == str(first.run_id)

    def test_by_two_at_once_are_attested_once(self, stage: Stage) -> None:
        run, together = stage.run(), Barrier(2)

        def attest_it() -> AttestationView:
            together.wait()
            try:
                return attest(run_id=run.id, node=stage.platform.node, now=clock.now())
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            first, second = (future.result() for future in [pool.submit(attest_it) for _ in range(2)])
        assert first == second
        told = AuditLog.objects.filter(action="reconciliation.positions_attested", resource_id=str(run.id))
        assert told.count() == 1

    def test_need_a_conclusion(self, stage: Stage, lying: Node, liar: LyingNode) -> None:
        def unread(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            asked = method == "eth_call" and params[0]["data"].startswith(BALANCE_OF)
            return {"error": {"code": -32000, "message": "no state"}} if asked else None

        with liar.lying(Answers(unread)):
            run = stage.run(lying)
        assert run.status == "INCOMPLETE"
        with pytest.raises(NotAttestable):
            attest(run_id=run.id, node=stage.platform.node, now=clock.now())
        with pytest.raises(UnknownRun):
            attest(run_id=new_id(), node=stage.platform.node, now=clock.now())

    def test_need_a_node_that_has_the_state(self, stage: Stage, lying: Node, liar: LyingNode) -> None:
        run, rows = stage.run(), Attestation.objects.count()
        with liar.lying(Without("eth_getProof")), pytest.raises(ChainUnavailable):
            attest(run_id=run.id, node=lying, now=clock.now())
        assert Attestation.objects.count() == rows

    def test_16_are_refused_once_the_layout_is_withdrawn(self, stage: Stage) -> None:
        run = stage.run()
        StorageLayout.objects.update(
            state=LayoutState.WITHDRAWN, withdrawn_block=run.cut_off.block_number, reason="Upgraded"
        )
        try:
            with pytest.raises(LayoutUnverified):
                attest(run_id=run.id, node=stage.platform.node, now=clock.now())
        finally:
            StorageLayout.objects.update(state=LayoutState.VERIFIED, withdrawn_block=None, reason="")


class TestAStorageThatDiffers:
    def test_from_what_a_lying_node_told_a_clean_run_is_not_signed_away(
        self, stage: Stage, lying: Node, liar: LyingNode
    ) -> None:
        verify_layout(actor=system_actor(), node=stage.platform.node, isin=stage.isin, now=clock.now())
        stage.set_stored_balance(stage.bob, 41)

        def smoothed(method: str, params: list[Any], truth: dict[str, Any]) -> dict[str, Any] | None:
            asked = method == "eth_call" and params[0]["data"] == BALANCE_OF + stage.bob[2:].rjust(64, "0")
            return {"result": f"0x{40:064x}"} if asked and params[0]["to"] == stage.token else None

        with liar.lying(Answers(smoothed)):
            run = stage.run(lying)
        assert run.status == "CLEAN"
        with pytest.raises(ProofContradicts):
            attest(run_id=run.id, node=stage.platform.node, now=clock.now())
        assert not Attestation.objects.exists()
