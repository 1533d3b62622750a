"""Scenarios 16, 29 to 31, 34, 36 and 39, each on a real chain with real trades.

28, 35, 36 (a dead node, another state root) and 37 are in test_reconcile.py, 32 and 33 in test_scenarios_dvp.py, 38 in
test_resolutions_database.py.
"""

from typing import Any

from eth_abi.abi import encode

from apps.accounts.tests.factories import make_actor
from apps.accounts.types import Role
from apps.chain import calls
from apps.chain.gateway import Node
from apps.chain.selectors.tokens import identity
from apps.chain.selectors.upgrades import upgrades
from apps.chain.services.intents import submit
from apps.chain.services.tokens import verify_layout
from apps.chain.testing.lies import Answer, Answers
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.powers import anything
from apps.chain.testing.versions import next_trex_version
from apps.chain.types import KYC_TOPIC, SignerRole
from apps.compliance.selectors.wallets import party_of_wallet
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.models import Alert
from apps.ledger.models import LedgerAccount
from apps.ledger.selectors.balances import by_wallet, position
from apps.reconciliation.models import Break
from apps.reconciliation.services.engine import RunOrder
from apps.reconciliation.services.resolutions import approve_resolution, propose_resolution
from apps.reconciliation.tests.stage import Stage, kinds, of_kind
from apps.reconciliation.tests.world import World, freeze_wallet
from apps.reconciliation.types import ResolutionKind, RunDepth
from apps.settlement.models import SettlementInstruction

MANAGER_OF_IDENTITIES, NEW_WALLET = 3, 9
recovery_address = calls._call("recoveryAddress(address,address,address)")
revoke = calls._call("removeClaim(bytes32)")
FOLD, HOURLY, FULL = RunOrder(), RunOrder(incremental=True), RunOrder(RunDepth.FULL)


class TestScenarios:
    def test_16_a_change_of_code_that_nobody_here_approved_is_a_break_and_ends_proofs(self, world: World) -> None:
        stage, proven = world.stage, RunOrder(RunDepth.PROVEN)
        self._verify_layout(stage)
        assert stage.run(order=proven).status == "CLEAN"
        deed = world.owner_changes_code(0)
        stage.settle_down()
        found = of_kind(stage.run(order=HOURLY), "UNAUTHORISED_ACTION")
        assert (found.tx_hash, found.severity, found.remedy) == (deed.tx_hash, "CRITICAL", None)
        assert "addAndUseTREXVersion" in found.message
        refused = stage.run(order=proven)
        assert (refused.status, kinds(refused)) == ("INCOMPLETE", ["UNAUTHORISED_ACTION"])
        assert any("layout" in problem for problem in refused.problems)
        self._verify_layout(stage)
        assert kinds(stage.run(order=proven)) == ["UNAUTHORISED_ACTION"]
        maker, checker = make_actor(role=Role.OPS), make_actor(role=Role.COMPLIANCE)
        proposed = propose_resolution(
            actor=maker, break_id=found.id, kind=ResolutionKind.ACCEPT, reason="Read and known.", now=clock.now()
        )
        approve_resolution(actor=checker, resolution_id=proposed.id, now=clock.now())
        assert [stage.run(order=order).status for order in (proven, FULL, FOLD, HOURLY)] == ["CLEAN"] * 4

    def test_16_a_change_of_code_by_a_transaction_of_ours_is_none(self, world: World) -> None:
        platform = world.stage.platform
        data = next_trex_version(platform)
        with anything(), unit_of_work():
            authority = platform.contracts["trex_authority"]
            submit(signer=SignerRole.DEPLOYER, to=authority, data=data, kind="test", business_key="16", now=clock.now())
        world.stage.settle_down()
        assert len(upgrades(world.stage.token, platform.head())) == 1
        assert [world.stage.run(order=order).status for order in (FULL, HOURLY)] == ["CLEAN"] * 2

    def test_34_a_settlement_in_flight_at_the_cut_off_is_no_break(self, world: World) -> None:
        stage = world.stage
        stage.platform.step("settler")
        row = SettlementInstruction.objects.get(trade_ref="open")
        assert row.open_intent_id is not None
        for order in (FOLD, HOURLY, FULL):
            run = stage.run(order=order)
            assert (run.status, run.in_flight) == ("CLEAN", 1)
        stage.settle_down()
        row.refresh_from_db()
        assert row.settlement_status == "SETT"
        run = stage.run(order=FULL)
        assert (run.status, run.in_flight) == ("CLEAN", 0)

    def test_30_a_wallet_frozen_between_match_and_settlement_releases_both_legs(self, world: World) -> None:
        stage, before = world.stage, world.stage.books()
        stage.agent(freeze_wallet(stage.bob, True))
        stage.settle_until_given_up()
        row = SettlementInstruction.objects.get(trade_ref="open")
        assert (row.processing_status, row.settlement_status, row.reason_detail) == ("CANC", "PENF", "WALLET_FROZEN")
        assert stage.books() == before
        assert (position(stage.isin, stage.alice).held, position("USDX", stage.bob).held) == (0, 0)
        run = stage.run(order=FULL)
        assert kinds(run) == ["FROZEN_STATE"]
        assert run.breaks[0].wallet_address == stage.bob

    def test_31_a_claim_revoked_after_the_trade_stops_the_settlement(self, world: World) -> None:
        stage, before = world.stage, world.stage.books()
        self._forget_claim(stage, stage.bob)
        stage.settle_until_given_up()
        row = SettlementInstruction.objects.get(trade_ref="open")
        assert (row.processing_status, row.settlement_status) == ("CANC", "PENF")
        assert stage.books() == before
        assert (position(stage.isin, stage.alice).held, position("USDX", stage.bob).held) == (0, 0)
        run = stage.run(order=FULL)
        assert (kinds(run), run.breaks[0].wallet_address) == (["IDENTITY_STATE"], stage.bob)

    def test_29_a_recovered_wallet_is_remapped_to_its_holder(self, world: World) -> None:
        stage = world.stage
        new = stage.platform.account(NEW_WALLET).address.lower()
        units = by_wallet(stage.isin)[stage.bob]
        found = identity(stage.bob)
        manager = stage.platform.account(MANAGER_OF_IDENTITIES)
        stage.platform.send(manager, found.identity, calls.add_key(calls.key_of(new), 1, 1))
        stage.agent(recovery_address(stage.bob, new, found.identity))
        stage.settle_down()
        assert by_wallet(stage.isin) == {stage.alice: by_wallet(stage.isin)[stage.alice], stage.bob: 0, new: units}
        account = LedgerAccount.objects.get(asset=stage.isin, wallet_address=new)
        assert account.party_id == party_of_wallet(stage.bob)
        run = stage.run(order=FULL)
        assert set(kinds(run)) <= {"IDENTITY_STATE"}  # which wallet the registry knows is another than we registered

    def test_36_of_two_nodes_that_disagree_neither_is_believed(self, world: World) -> None:
        stage = world.stage

        def other_hash(method: str, params: list[Any], truth: Answer) -> Answer | None:
            return {"result": truth["result"] | {"hash": "0x" + "dd" * 32}} if "BlockByNumber" in method else None

        chain_id = stage.platform.node.chain_id
        with LyingNode(stage.platform.url) as liar, Node(liar.url, chain_id=chain_id, name="second") as second:
            agreed = stage.run(stage.platform.node, second)
            assert (agreed.status, agreed.cut_off.endpoints) == ("CLEAN", ("CHAIN_RPC_URL", "second"))
            with liar.lying(Answers(other_hash)):
                run = stage.run(stage.platform.node, second)
                assert run.status == "INCOMPLETE"
                assert "disagree" in run.problems[0]
                alert = Alert.objects.get(dedup_key=f"reconciliation.nodes:{stage.isin}", resolved_at=None)
                assert alert.severity == "CRITICAL"
            assert stage.run(stage.platform.node, second).status == "CLEAN"
        assert not Alert.objects.filter(dedup_key__startswith="reconciliation.nodes", resolved_at=None).exists()

    def test_39_a_break_that_comes_back_after_its_resolution_keeps_its_age(self, world: World) -> None:
        stage = world.stage
        world.agent_moves(5)
        stage.settle_down()
        first = of_kind(stage.run(order=FULL), "UNAUTHORISED_ACTION")
        maker, checker = make_actor(role=Role.OPS), make_actor(role=Role.COMPLIANCE)
        proposed = propose_resolution(
            actor=maker, break_id=first.id, kind=ResolutionKind.POST, reason="A court's order.", now=clock.now()
        )
        approve_resolution(actor=checker, resolution_id=proposed.id, now=clock.now())
        assert [(r.status, r.breaks) for r in (stage.run(order=o) for o in (FULL, FOLD, HOURLY))] == [("CLEAN", ())] * 3
        assert Break.objects.get(pk=first.id).state == "RESOLVED"
        world.balance_row_changes(3)
        again = of_kind(stage.run(order=FULL), "AMOUNT", stage.bob)
        world.balance_row_changes(-3)
        assert stage.run(order=FULL).status == "CLEAN"
        world.balance_row_changes(4)
        back = of_kind(stage.run(order=FULL), "AMOUNT", stage.bob)
        assert (back.id, back.first_seen_at, back.state) == (again.id, again.first_seen_at, "OPEN")

    def test_the_hourly_run_looks_at_what_changed_and_the_nightly_at_all(self, world: World) -> None:
        stage = world.stage
        assert stage.run(order=FULL).wallets == 2
        assert stage.run(order=HOURLY).wallets == 0
        stage.pay(stage.bob, 9)
        stage.settle_down()
        run = stage.run(order=HOURLY)
        assert (run.status, run.wallets, run.whole) == ("CLEAN", 1, False)
        world.agent_moves(4)
        stage.settle_down()
        run = stage.run(order=HOURLY)
        assert (kinds(run), run.wallets) == (["UNAUTHORISED_ACTION"], 2)
        world.balance_row_changes(2)  # past ledger and chain alike: nothing says that it changed, but it is broken
        assert kinds(stage.run(order=HOURLY)) == ["AMOUNT", "UNAUTHORISED_ACTION"]

    def _verify_layout(self, stage: Stage) -> None:
        verify_layout(actor=system_actor(), node=stage.platform.node, isin=stage.isin, now=clock.now())

    def _forget_claim(self, stage: Stage, wallet: str) -> None:
        """Its management key takes the claim off the identity."""
        found = identity(wallet)
        issuer = stage.platform.contracts["claim_issuer"]
        claim = calls.keccak(encode(["address", "uint256"], [issuer, KYC_TOPIC]))
        stage.platform.send(stage.platform.account(MANAGER_OF_IDENTITIES), found.identity, revoke(claim))
