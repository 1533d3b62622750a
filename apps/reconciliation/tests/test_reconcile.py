"""Books, events and contract storage at one block, on a real chain. Numbers in names: scenarios of the design sheet."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import actor_of, make_user
from apps.accounts.types import Role
from apps.audit.models import AuditLog
from apps.chain.calls import mint
from apps.chain.gateway import Node
from apps.chain.services.nodes import default_node
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Answer, Answers
from apps.chain.testing.lying_node import LyingNode
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.devstack.ports import free_port
from apps.core.models import Alert, OutboxEvent
from apps.issuance.tests.factories import make_live
from apps.ledger.selectors.balances import by_wallet
from apps.reconciliation.errors import RunUnderWay
from apps.reconciliation.models import Break, BreakEvent, CutOff, Run
from apps.reconciliation.selectors.positions import Positions
from apps.reconciliation.services.books import Ask, read_books
from apps.reconciliation.services.engine import ReconciliationEngine
from apps.reconciliation.tests.stage import Stage, as_owner, kinds, of_kind
from apps.reconciliation.types import RunDepth
from apps.securities.selectors.securities import security
from apps.securities.tests.factories import make_security
from apps.settlement.selectors.movements import projection_cursor

SET_BALANCE = """
UPDATE ledger_balance b SET posted = posted + %s FROM ledger_account a
WHERE a.id = b.account_id AND a.asset = %s AND a.wallet_address = %s
"""


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


def written() -> tuple[int, int, int, int]:
    return Run.objects.count(), Break.objects.count(), BreakEvent.objects.count(), AuditLog.objects.count()


class TestReconcile:
    """One stage for all, in the order of the tests: building it takes a chain seconds."""

    # Clean books
    def test_finds_sound_books_clean_at_the_block_they_stand_at(self, stage: Stage) -> None:
        run = stage.run()
        assert (run.status, run.problems, run.breaks) == ("CLEAN", (), ())
        assert (run.wallets, run.unknown_reads, run.in_flight) == (2, 0, 0)
        cursor = projection_cursor()
        block = stage.platform.node.call("eth_getBlockByNumber", hex(cursor.number), False)
        assert (run.cut_off.block_number, run.cut_off.block_hash) == (cursor.number, block["hash"])
        assert (run.cut_off.state_root, run.cut_off.endpoints) == (block["stateRoot"], ("CHAIN_RPC_URL",))
        assert AuditLog.objects.filter(action="reconciliation.run_finished", resource_id=str(run.id)).count() == 1
        assert not OutboxEvent.objects.filter(topic="reconciliation.breaks_found").exists()

    def test_compares_wallet_by_wallet_with_the_cash_beside(self, stage: Stage) -> None:
        books = read_books(security=security(stage.isin), now=clock.now(), ask=Ask(RunDepth.FULL))
        assert dict(books.security.by_events) == {stage.alice: 100, stage.bob: 40}
        assert books.security.positions == Positions((), wallets=2, settled=140, events=140)
        assert (books.cash.positions.settled, books.cash.positions.rows) == (500, ())
        assert (books.issued, books.problems, books.causes) == (140, (), ())

    def test_reads_the_books_as_of_one_instant(self, stage: Stage) -> None:
        before = read_books(security=security(stage.isin), now=clock.now())
        stage.platform.mine(3)
        assert read_books(security=security(stage.isin), now=clock.now()) == before

    # A balance row changed with the owner\'s rights, past every trigger of the ledger\'s entries

    def test_finds_a_tampered_balance_that_clears_when_it_is_put_back(self, stage: Stage) -> None:
        as_owner(SET_BALANCE, [25, stage.isin, stage.alice])
        run = stage.run()
        assert (run.status, kinds(run)) == ("BREAKS", ["AMOUNT"])
        found = of_kind(run, "AMOUNT")
        assert (found.wallet_address, found.expected, found.actual, found.events) == (stage.alice, 125, 100, 100)
        assert "125 (0 held) stored, 100 (0 held) by entries" in found.message
        alert = Alert.objects.get(dedup_key=f"reconciliation.breaks:{stage.isin}", resolved_at=None)
        assert (alert.severity, alert.count) == ("CRITICAL", 1)
        as_owner(SET_BALANCE, [-25, stage.isin, stage.alice])
        assert stage.run().status == "CLEAN"
        assert set(Break.objects.values_list("state", flat=True)) == {"CLEARED"}
        assert not Alert.objects.filter(dedup_key__startswith="reconciliation.", resolved_at=None).exists()

    def test_reopens_a_break_with_its_original_age(self, stage: Stage) -> None:
        first = Break.objects.get(kind="AMOUNT")
        as_owner(SET_BALANCE, [-100, stage.isin, stage.alice])
        run = stage.run()
        as_owner(SET_BALANCE, [100, stage.isin, stage.alice])
        found = of_kind(run, "MISSING_IN_BOOKS")
        assert (found.id, found.first_seen_at, found.state) == (first.pk, first.first_seen_at, "OPEN")
        changes = BreakEvent.objects.filter(found=first).order_by("pk").values_list("change", flat=True)
        assert list(changes) == ["RAISED", "CLEARED", "REOPENED"]
        assert stage.run().status == "CLEAN"

    def test_finds_tampered_cash(self, stage: Stage) -> None:
        as_owner(SET_BALANCE, [7, "USDX", stage.bob])
        run = stage.run()
        as_owner(SET_BALANCE, [-7, "USDX", stage.bob])
        assert kinds(run) == ["CASH_LEG"]
        assert (run.breaks[0].expected, run.breaks[0].actual, run.breaks[0].decimals) == (507, 500, 6)

    # Unknown is not zero

    def test_36_a_dead_node_leaves_the_run_incomplete_and_clears_nothing(self, stage: Stage) -> None:
        as_owner(SET_BALANCE, [1, stage.isin, stage.alice])
        assert stage.run().status == "BREAKS"
        as_owner(SET_BALANCE, [-1, stage.isin, stage.alice])
        with Node(f"http://127.0.0.1:{free_port()}", chain_id=stage.platform.node.chain_id) as dead:
            run = stage.run(dead)
        assert (run.status, run.breaks) == ("INCOMPLETE", ())
        assert "could not be read" in run.problems[0]
        assert Break.objects.filter(state="OPEN").count() == 1
        assert stage.run().status == "CLEAN"

    def test_36_a_node_with_another_state_root_is_not_believed(
        self, stage: Stage, liar: LyingNode, lying: Node
    ) -> None:
        def other_root(method: str, params: list[Any], truth: Answer) -> Answer | None:
            return {"result": truth["result"] | {"stateRoot": "0x" + "ee" * 32}} if "Block" in method else None

        with liar.lying(Answers(other_root)):
            run = stage.run(lying)
        assert (run.status, run.cut_off.endpoints) == ("INCOMPLETE", ())
        assert "another state root" in run.problems[0]

    def test_37_one_unreadable_wallet_is_unknown_and_the_run_not_clean(
        self, stage: Stage, liar: LyingNode, lying: Node
    ) -> None:
        def refuse_bob(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asks = method == "eth_call" and params[0]["to"] == stage.token and stage.bob[2:] in params[0]["data"]
            return {"error": {"code": -32000, "message": "missing trie node"}} if asks else None

        with liar.lying(Answers(refuse_bob)):
            run = stage.run(lying)
        assert (run.status, run.unknown_reads, run.breaks) == ("INCOMPLETE", 2, ())
        assert run.problems == (
            f"The {stage.isin} balance of {stage.bob} could not be read from the chain.",
            f"What is frozen of {stage.bob} could not be read from the chain.",
        )
        assert run.cut_off.endpoints == ("CHAIN_RPC_URL",)

    def test_35_a_cut_off_replaced_during_the_run_voids_it(self, stage: Stage, liar: LyingNode, lying: Node) -> None:
        def replaced(method: str, params: list[Any], truth: Answer) -> Answer | None:
            return {"result": truth["result"] | {"hash": "0x" + "dd" * 32}} if "Block" in method else None

        breaks, runs = Break.objects.count(), Run.objects.count()
        with liar.lying(Answers(replaced)):
            run = stage.run(lying)
        assert (run.status, run.breaks, Break.objects.count()) == ("VOID", (), breaks)
        assert Run.objects.count() == runs + 2  # and run again
        assert "no longer canonical" in run.problems[0]
        assert stage.run().status == "CLEAN"

    def test_37_what_is_known_to_differ_is_told_although_something_is_unknown(
        self, stage: Stage, liar: LyingNode, lying: Node
    ) -> None:
        def refuse_bob(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asks = method == "eth_call" and stage.bob[2:] in params[0]["data"]
            return {"result": "0x"} if asks else None

        as_owner(SET_BALANCE, [3, stage.isin, stage.alice])
        with liar.lying(Answers(refuse_bob)):
            run = stage.run(lying)
        as_owner(SET_BALANCE, [-3, stage.isin, stage.alice])
        assert (run.status, run.unknown_reads, kinds(run)) == ("INCOMPLETE", 4, ["AMOUNT"])
        assert stage.run().status == "CLEAN"

    def test_a_token_the_books_do_not_follow_is_unknown(self, stage: Stage) -> None:
        isin = make_security(active=False).isin
        make_live(isin)
        run = ReconciliationEngine([stage.platform.node]).reconcile(
            isin=isin, actor=actor_of(stage.officer), now=clock.now()
        )
        assert (run.status, run.wallets) == ("INCOMPLETE", 0)
        assert run.problems == (f"The books do not follow the token of {isin} yet.",)

    def test_of_two_runs_at_once_one_is_refused_and_nothing_is_raised_twice(self, stage: Stage) -> None:
        as_owner(SET_BALANCE, [9, stage.isin, stage.bob])
        before, barrier = Break.objects.count(), Barrier(2)

        def one(_: int) -> str:
            try:
                with default_node() as node:
                    barrier.wait()
                    return stage.run(node).status
            except RunUnderWay as refused:
                return refused.code
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            ends = sorted(pool.map(one, range(2)))
        assert ends in (["BREAKS", "run_under_way"], ["BREAKS", "BREAKS"])
        as_owner(SET_BALANCE, [-9, stage.isin, stage.bob])
        assert Break.objects.count() == before + 1
        found = Break.objects.get(wallet_address=stage.bob, identity__contains="position")
        assert sorted(found.events.values_list("change", flat=True)) == ["RAISED", "SEEN"][: ends.count("BREAKS")]
        assert stage.run().status == "CLEAN"

    def test_every_answer_was_asked_at_the_cut_offs_hash(self, stage: Stage, liar: LyingNode, lying: Node) -> None:
        run = stage.run(lying)
        calls = [params for method, params in liar.asked if method == "eth_call"]
        # Of two wallets units, freezes (two each) and identity; one's cash; supply, paused, decimals of both tokens.
        assert len(calls) == 13
        assert {(p[1]["blockHash"], p[1]["requireCanonical"]) for p in calls} == {(run.cut_off.block_hash, True)}

    # Over HTTP

    def test_answers_officers_and_keeps_what_it_answered(self, stage: Stage) -> None:
        client = api_client(stage.officer)
        answer = client.post("/api/reconciliation/runs", {"isin": stage.isin})
        assert answer.status_code == 201
        run = answer.json()["data"]
        assert (run["status"], run["breaks"], run["cut_off"]["chain_id"]) == ("CLEAN", [], 31337)
        assert client.get(f"/api/reconciliation/runs/{run['id']}").json()["data"] == run
        page = client.get("/api/reconciliation/runs", {"isin": stage.isin}).json()["data"]["results"]
        assert page[0] == {key: value for key, value in run.items() if key != "breaks"}

    def test_refuses_what_cannot_be_reconciled_and_writes_nothing(self, stage: Stage) -> None:
        client, before = api_client(stage.officer), written()
        without_token = make_security(active=False).isin
        before = written()
        for body, status in (
            ({}, 400),
            ({"isin": 7}, 400),
            ({"isin": "US0000000000"}, 400),
            ({"isin": stage.isin, "node": "http://127.0.0.1"}, 400),
            ({"isin": "US5949181045"}, 404),
            ({"isin": without_token}, 409),
        ):
            assert client.post("/api/reconciliation/runs", body).status_code == status, body
        assert client.get("/api/reconciliation/breaks", {"kind": "NOT_A_KIND"}).status_code == 400
        assert client.get("/api/reconciliation/runs", {"color": "red"}).status_code == 400
        assert written() == before

    @pytest.mark.parametrize(("role", "status"), [(Role.INVESTOR, 403), (Role.ISSUER, 403), (None, 401)])
    def test_is_closed_to_others(self, stage: Stage, role: str | None, status: int) -> None:
        client = api_client(make_user(role=role) if role else None)
        assert client.post("/api/reconciliation/runs", {"isin": stage.isin}).status_code == status
        for path in ("runs", "breaks"):
            assert client.get(f"/api/reconciliation/{path}").status_code == status

    def test_a_dead_node_is_an_answer_not_an_error(self, stage: Stage) -> None:
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
            answer = api_client(stage.officer).post("/api/reconciliation/runs", {"isin": stage.isin})
        assert (answer.status_code, answer.json()["data"]["status"]) == (201, "INCOMPLETE")

    # Acts straight on the chain, past our system

    def test_28_a_forced_transfer_is_found_and_its_agent_named(self, stage: Stage) -> None:
        tx_hash = stage.force(stage.alice, stage.bob, 30)
        run = stage.run()
        assert (run.status, kinds(run)) == ("BREAKS", ["UNAUTHORISED_ACTION"])
        found = of_kind(run, "UNAUTHORISED_ACTION")
        agent = stage.platform.account(7).address.lower()
        assert (found.tx_hash, found.wallet_address, found.actual) == (tx_hash, stage.alice, 30)
        assert found.details["caller_address"] == agent
        assert (found.details["function"], found.details["selector"]) == ("forcedTransfer", "0x9fc1d0e7")
        assert f"Agent {agent} called forcedTransfer (0x9fc1d0e7) on the token" in found.message
        assert f"30 {stage.isin} moved from {stage.alice} to {stage.bob}" in found.message

    def test_28_explains_the_positions_it_changed(self, stage: Stage) -> None:
        books = read_books(security=security(stage.isin), now=clock.now())
        rows = {row.wallet: (row.settled, row.events) for row in books.security.positions.rows}
        assert rows == {stage.alice: (100, 70), stage.bob: (40, 70)}
        (cause,) = books.causes
        assert (cause.kind, cause.effects) == ("UNAUTHORISED_ACTION", {stage.alice: -30, stage.bob: 30})
        assert by_wallet(stage.isin) == {stage.alice: 100, stage.bob: 40}

    def test_28_is_told_to_the_others_and_answered_over_http(self, stage: Stage) -> None:
        run = api_client(stage.officer).post("/api/reconciliation/runs", {"isin": stage.isin}).json()["data"]
        assert {b["kind"] for b in run["breaks"]} == {"UNAUTHORISED_ACTION"}
        event = OutboxEvent.objects.get(topic="reconciliation.breaks_found", key=run["id"])
        assert event.payload == {"run_id": run["id"], "isin": stage.isin, "breaks": 1, "new": 0}
        query = {"isin": stage.isin, "kind": "UNAUTHORISED_ACTION", "state": "OPEN"}
        (listed,) = api_client(stage.officer).get("/api/reconciliation/breaks", query).json()["data"]["results"]
        (answered,) = [b for b in run["breaks"] if b["kind"] == "UNAUTHORISED_ACTION"]
        assert listed == answered

    def test_28_a_mint_we_did_not_order_explains_the_supply_it_made(self, stage: Stage) -> None:
        tx_hash = stage.agent(mint(stage.bob, 5))
        stage.settle_down()
        run = stage.run()
        assert kinds(run) == ["UNAUTHORISED_ACTION", "UNAUTHORISED_ACTION"]
        (minted,) = [b for b in run.breaks if b.details.get("movement") == "MINT"]
        assert (minted.wallet_address, minted.actual, minted.tx_hash) == (stage.bob, 5, tx_hash)
        assert f"called mint (0x40c10f19) on the token in transaction {tx_hash}" in minted.message
        assert f"5 {stage.isin} were minted to {stage.bob}" in minted.message

    def test_storage_that_no_event_explains_is_a_projection_break(self, stage: Stage) -> None:
        stage.set_stored_balance(stage.alice, 1_000)
        run = stage.run()
        found = of_kind(run, "PROJECTION")
        assert (found.wallet_address, found.events, found.actual) == (stage.alice, 70, 1_000)
        assert "AMOUNT" not in kinds(run)
        stage.set_stored_balance(stage.alice, 70)
        assert "PROJECTION" not in kinds(stage.run())

    def test_a_holder_nobody_knows_is_named(self, stage: Stage) -> None:
        stranger = stage.admit_stranger()
        stage.force(stage.bob, stranger, 15)
        found = of_kind(stage.run(), "UNKNOWN_HOLDER")
        assert (found.wallet_address, found.expected, found.actual) == (stranger, 0, 15)
        assert "belongs to no party we know" in found.message

    def test_an_older_cut_off_never_overrules_a_newer_run(self, stage: Stage) -> None:
        newest = CutOff.objects.order_by("-pk").first()
        as_owner(
            "UPDATE settlement_projectioncursor SET number = number - 1, hash = %s",
            [stage.platform.node.call("eth_getBlockByNumber", hex(newest.block_number - 1), False)["hash"]],
        )
        before = Break.objects.count()
        run = stage.run()
        assert (run.status, run.problems) == ("VOID", ("A run at a later block has ended before this one.",))
        assert Break.objects.count() == before


class TestClocksThatDiffer:
    def test_a_run_written_after_a_later_one_makes_no_break_younger_than_its_first_sight(self, stage: Stage) -> None:
        """Two hosts' clocks differ, and who ends first may be written second."""
        as_owner(SET_BALANCE, [9, stage.isin, stage.alice])
        with default_node() as node:
            actor = system_actor()
            ahead = ReconciliationEngine([node]).reconcile(
                isin=stage.isin, actor=actor, now=clock.now() + timedelta(seconds=5)
            )
            behind = ReconciliationEngine([node]).reconcile(isin=stage.isin, actor=actor, now=clock.now())
        as_owner(SET_BALANCE, [-9, stage.isin, stage.alice])
        assert (ahead.status, behind.status) == ("BREAKS", "BREAKS")
        found = Break.objects.get(wallet_address=stage.alice, identity__contains="position")
        assert found.last_seen_at >= found.first_seen_at
        assert stage.run().status == "CLEAN"
