"""Which chain a node serves, whose word makes a block final, and which of two forks is followed."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test.utils import override_settings

from apps.audit.models import AuditLog
from apps.chain.endpoints.sessions import open_session
from apps.chain.errors import NoEndpoint
from apps.chain.limits import WIDEST_RANGE
from apps.chain.models import RpcEndpoint, StreamCursor
from apps.chain.selectors import blocks
from apps.chain.services.nodes import default_node
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, alerts, desk_of, head_of, of_another_fork, state
from apps.chain.tests.front import Answer
from apps.chain.tests.stage import ALICE, canonical_chain_is_whole, everything, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node
from apps.core.models import Alert, ProviderCircuit


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def the_desk(books: str, chain: LocalChain) -> Iterator[Desk]:
    token = chain.deploy_token()
    chain.mint(token, ALICE, 5)
    chain.mine(100)
    watch(token, 1)
    with desk_of(chain, clock.now()) as found:
        found.catch_up()
        yield found


@pytest.fixture
def desk(the_desk: Desk) -> Desk:
    the_desk.be_honest()
    the_desk.catch_up()
    return the_desk


def another_chain(method: str, params: list[Any], truth: Answer) -> Answer | None:
    return {"result": "0x1"} if method == "eth_chainId" else None


def another_history(method: str, params: list[Any], truth: Answer) -> Answer | None:
    if method == "eth_getBlockByNumber" and params[0] == "0x0":
        return {"result": truth["result"] | {"hash": "0x" + "99" * 32}}
    return None


class TestScenarios:
    def test_18_another_chain_is_refused_at_start(self, desk: Desk, chain: LocalChain) -> None:
        RpcEndpoint.objects.all().delete()
        desk.a.lie = another_chain
        desk.restart()
        assert state(A) == ("DISABLED", "WRONG_CHAIN")
        chain.mine(1)
        desk.catch_up()
        assert (desk.followed, blocks.head().number) == (B, chain.head())
        assert alerts() == {A: "CRITICAL"}
        canonical_chain_is_whole(chain)

    def test_18_another_chain_is_refused_in_the_midst_of_a_session(self, desk: Desk, chain: LocalChain) -> None:
        assert desk.followed == A
        before = everything()
        desk.a.lie = another_chain  # a balancer that sends us elsewhere, without any failure before
        desk.step()
        assert state(A) == ("DISABLED", "WRONG_CHAIN")
        assert (desk.followed, everything()) == (B, before)
        assert alerts() == {A: "CRITICAL"}

    def test_18_where_no_other_is_there_the_engine_refuses_to_go_on(self, desk: Desk, chain: LocalChain) -> None:
        RpcEndpoint.objects.all().delete()
        desk.a.lie = desk.b.lie = another_chain
        before = everything()
        for _ in range(2):
            with pytest.raises(NoEndpoint):
                desk.restart()
            with pytest.raises(NoEndpoint):
                desk.step()
        assert alerts() == {A: "CRITICAL", B: "CRITICAL"}
        assert everything() == before
        desk.a.lie = lambda *_: None
        with pytest.raises(CommandError, match="reason"):
            call_command("chain_endpoints", release=A, stdout=StringIO())
        with pytest.raises(CommandError, match="configured"):
            call_command("chain_endpoints", release="CHAIN_RPC_URL_5", reason="typo", stdout=StringIO())
        call_command("chain_endpoints", release=A, reason="it was pointed elsewhere", stdout=(said := StringIO()))
        assert said.getvalue().splitlines()[1].startswith(f"{B} DISABLED (WRONG_CHAIN)")
        assert AuditLog.objects.get(action="chain.endpoint_released").after == {"reason": "it was pointed elsewhere"}
        desk.restart()
        chain.mine(1)
        desk.catch_up()
        assert blocks.head().number == chain.head()
        assert alerts() == {B: "CRITICAL"}

    def test_18_another_history_of_the_same_chain_is_refused(self, desk: Desk) -> None:
        RpcEndpoint.objects.all().delete()
        desk.b.lie = another_history
        desk.restart()
        desk.step()
        assert (state(A)[0], state(B)) == ("HEALTHY", ("DISABLED", "WRONG_HISTORY"))
        assert (desk.followed, alerts()) == (A, {B: "CRITICAL"})


class TestFinality:
    def test_is_no_node_s_word_alone(self, desk: Desk, chain: LocalChain) -> None:
        """A node that calls its head final is a liar: not one block more becomes final by it."""
        final = blocks.final_head().number
        head = chain.node.call("eth_getBlockByNumber", "latest", False)

        def all_final(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asked = method == "eth_getBlockByNumber" and params[0] == "finalized"
            return {"result": head} if asked else None

        desk.a.lie = all_final
        desk.step()
        assert state(A) == ("QUARANTINED", "LIED")
        assert (desk.followed, blocks.final_head().number) == (B, final)

    def test_is_what_all_nodes_that_are_well_call_final(self, desk: Desk, chain: LocalChain) -> None:
        final = blocks.final_head().number
        chain.mine(20)
        early = chain.node.call("eth_getBlockByNumber", hex(final + 5), False)

        def slow(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asked = method == "eth_getBlockByNumber" and params[0] == "finalized"
            return {"result": early} if asked else None

        desk.b.lie = slow
        desk.catch_up()
        assert blocks.final_head().number == final + 5
        desk.b.status = 503  # away: the others decide
        desk.step(3)
        desk.step()
        assert blocks.final_head().number == chain.head() - 64

    def test_waits_while_two_nodes_name_different_blocks(self, desk: Desk, chain: LocalChain) -> None:
        final = blocks.final_head().number

        def other(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asked = method == "eth_getBlockByNumber" and params[0] == "finalized"
            return {"result": of_another_fork(truth["result"])} if asked else None

        desk.b.lie = other
        chain.mine(10)
        desk.catch_up()
        desk.step(3)
        assert blocks.head().number == chain.head()
        assert blocks.final_head().number == final
        assert alerts() == {B: "CRITICAL"}

    def test_by_depth_needs_no_tag(self, desk: Desk, chain: LocalChain) -> None:
        by_depth = replace(settings.SECURITY.chain.finality, mode="DEPTH", depth=10)

        def tagless(method: str, params: list[Any], truth: Answer) -> Answer | None:
            asked = method == "eth_getBlockByNumber" and params[0] == "finalized"
            return {"error": {"code": -39001, "message": "Unknown block"}} if asked else None

        desk.a.lie = desk.b.lie = tagless
        chain_policy = replace(settings.SECURITY.chain, finality=by_depth)
        with override_settings(SECURITY=replace(settings.SECURITY, chain=chain_policy)):
            chain.mine(5)
            desk.catch_up()
            desk.step(3)
            assert blocks.final_head().number == chain.head() - 10


class TestChoice:
    def test_two_nodes_that_both_lag_move_nothing(self, desk: Desk, chain: LocalChain) -> None:
        before, cursor = everything(), StreamCursor.objects.get(name=blocks.STREAM)
        desk.a.lie, desk.b.lie = head_of(chain, 8), head_of(chain, 9)
        assert not desk.step()
        assert not desk.step(3)
        assert state(A) == state(B) == ("QUARANTINED", "BEHIND")
        assert (everything(), StreamCursor.objects.get(name=blocks.STREAM).hash) == (before, cursor.hash)
        desk.b.lie = lambda *_: None
        chain.mine(1)
        desk.step()  # asked for want of a better one: no time must pass
        assert (desk.followed, blocks.head().number) == (B, chain.head())

    def test_all_away_is_an_alert_after_a_while_and_nothing_is_lost(self, desk: Desk, chain: LocalChain) -> None:
        desk.a.status = desk.b.status = 502
        chain.mine(3)
        for _ in range(3):
            assert not desk.step(100)
        assert alerts() == {}
        desk.step(100)
        assert alerts() == {A: "WARNING", B: "WARNING"}
        desk.a.status = desk.b.status = 0
        ProviderCircuit.objects.all().delete()
        desk.step(30)
        desk.step(601)
        assert alerts() == {}
        assert blocks.head().number == chain.head()

    def test_a_node_that_falls_behind_another_is_left_without_blame(self, desk: Desk, chain: LocalChain) -> None:
        cursor = StreamCursor.objects.get(name=blocks.STREAM)
        desk.a.lie = head_of(chain, 0)
        chain.mine(6)
        desk.step(3)
        assert (desk.followed, state(A)) == (B, ("HEALTHY", ""))
        assert StreamCursor.objects.get(name=blocks.STREAM).number == cursor.number + 6
        desk.step(61)  # the others move, and it still stands
        assert state(A) == ("QUARANTINED", "BEHIND")

    def test_one_call_sessions_go_to_a_node_that_is_well(self, desk: Desk) -> None:
        with default_node() as node:
            assert (node.name, open_session(node.name).limits.ranges.value) == (A, WIDEST_RANGE)
        desk.a.lie = another_chain
        desk.step()
        with default_node() as node:
            assert node.name == B
            assert node.call("eth_chainId") == hex(node.chain_id)

    def test_no_url_and_no_key_in_it_is_written_anywhere(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="apps")
        desk.a.status = desk.b.status = 403
        with pytest.raises(NoEndpoint):
            desk.step()
            desk.step()
        written = [*RpcEndpoint.objects.values_list(), *Alert.objects.values_list(), caplog.text]
        written += [record.__dict__ for record in caplog.records]
        assert A in str(written)
        assert "secret-key" not in str(written)
        assert "127.0.0.1" not in str(written)
