"""Which chain a node serves, whose word makes a block final, and which of two forks is followed."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test.utils import override_settings

from apps.audit.models import AuditLog
from apps.chain.endpoints.sessions import open_session
from apps.chain.errors import NoEndpoint
from apps.chain.limits import WIDEST_RANGE
from apps.chain.models import Block, RpcEndpoint, StreamCursor
from apps.chain.selectors import blocks
from apps.chain.services.endpoints import quarantine_endpoint
from apps.chain.services.nodes import default_node
from apps.chain.testing.lies import Altered, Answers, ForgedFinal, OldHead, Refused, Status, WrongChain, asking
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, alerts, desk_of, of_another_fork, state
from apps.chain.tests.stage import ALICE, canonical_chain_is_whole, everything, watch
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work
from apps.core.devstack.anvil import private_node
from apps.core.models import Alert, ProviderCircuit

FINAL_BLOCK = asking("eth_getBlockByNumber", "finalized")


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
    the_desk.forgive()
    the_desk.catch_up()
    return the_desk


def release_a() -> None:
    """A person lets A be followed again, and has to say why."""
    with pytest.raises(CommandError, match="reason"):
        call_command("chain_endpoints", release=A, stdout=StringIO())
    with pytest.raises(CommandError, match="configured"):
        call_command("chain_endpoints", release="CHAIN_RPC_URL_5", reason="typo", stdout=StringIO())
    call_command("chain_endpoints", release=A, reason="it was pointed elsewhere", stdout=(said := StringIO()))
    assert said.getvalue().splitlines()[1].startswith(f"{B} DISABLED (WRONG_CHAIN)")
    assert AuditLog.objects.get(action="chain.endpoint_released").after == {"reason": "it was pointed elsewhere"}


class TestScenarios:
    def test_18_another_chain_is_refused_at_start(self, desk: Desk, chain: LocalChain) -> None:
        RpcEndpoint.objects.all().delete()
        with desk.a.lying(WrongChain()):
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
        with desk.a.lying(WrongChain()):  # a balancer that sends us elsewhere, without any failure before
            desk.step()
        assert state(A) == ("DISABLED", "WRONG_CHAIN")
        assert (desk.followed, everything()) == (B, before)
        assert alerts() == {A: "CRITICAL"}

    def test_18_where_no_other_is_there_the_engine_refuses_to_go_on(self, desk: Desk, chain: LocalChain) -> None:
        RpcEndpoint.objects.all().delete()
        before = everything()
        with desk.b.lying(WrongChain()):
            with desk.a.lying(WrongChain()):
                for _ in range(2):
                    with pytest.raises(NoEndpoint):
                        desk.restart()
                    with pytest.raises(NoEndpoint):
                        desk.step()
            assert alerts() == {A: "CRITICAL", B: "CRITICAL"}
            assert everything() == before
            release_a()
            desk.restart()
            chain.mine(1)
            desk.catch_up()
        assert blocks.head().number == chain.head()
        assert alerts() == {B: "CRITICAL"}

    def test_18_another_history_of_the_same_chain_is_refused(self, desk: Desk) -> None:
        RpcEndpoint.objects.all().delete()
        first, other_hash = asking("eth_getBlockByNumber", "0x0"), {"hash": "0x" + "99" * 32}
        with desk.b.lying(Altered("eth_getBlockByNumber", other_hash, where=first)):
            desk.restart()
            desk.step()
        assert (state(A)[0], state(B)) == ("HEALTHY", ("DISABLED", "WRONG_HISTORY"))
        assert (desk.followed, alerts()) == (A, {B: "CRITICAL"})


class TestFinality:
    def test_is_no_node_s_word_alone(self, desk: Desk, chain: LocalChain) -> None:
        """A node that calls its head final is a liar: not one block more becomes final by it."""
        final = blocks.final_head().number
        with desk.a.lying(ForgedFinal()):
            desk.step()
        assert state(A) == ("QUARANTINED", "LIED")
        assert (desk.followed, blocks.final_head().number) == (B, final)

    def test_is_what_all_nodes_that_are_well_call_final(self, desk: Desk, chain: LocalChain) -> None:
        final = blocks.final_head().number
        chain.mine(20)
        early = chain.header(final + 5)
        with desk.b.lying(Altered("eth_getBlockByNumber", early, where=FINAL_BLOCK)):
            desk.catch_up()
        assert blocks.final_head().number == final + 5
        with desk.b.lying(Status(503)):  # away: the others decide
            desk.step(3)
            desk.step()
        assert blocks.final_head().number == chain.head() - 64

    def test_waits_while_two_nodes_name_different_blocks(self, desk: Desk, chain: LocalChain) -> None:
        final = blocks.final_head().number
        other = Answers(lambda _method, _params, truth: {"result": of_another_fork(truth["result"])}, where=FINAL_BLOCK)
        chain.mine(10)
        with desk.b.lying(other):
            desk.catch_up()
            desk.step(3)
        assert blocks.head().number == chain.head()
        assert blocks.final_head().number == final
        assert alerts() == {B: "CRITICAL"}

    def test_by_depth_needs_no_tag(self, desk: Desk, chain: LocalChain) -> None:
        by_depth = replace(settings.SECURITY.chain.finality, mode="DEPTH", depth=10)
        tagless = Refused("eth_getBlockByNumber", -39001, "Unknown block", where=FINAL_BLOCK)
        chain_policy = replace(settings.SECURITY.chain, finality=by_depth)
        policy = override_settings(SECURITY=replace(settings.SECURITY, chain=chain_policy))
        with policy, desk.a.lying(tagless), desk.b.lying(tagless):
            chain.mine(5)
            desk.catch_up()
            desk.step(3)
            assert blocks.final_head().number == chain.head() - 10
        assert tagless.told
        final = Block.objects.filter(finality="FINAL").order_by("number")
        assert [final.first().final_by, final.last().final_by] == ["TAG", "DEPTH"]


class TestChoice:
    def test_two_nodes_that_both_lag_move_nothing(self, desk: Desk, chain: LocalChain) -> None:
        before, cursor = everything(), StreamCursor.objects.get(name=blocks.STREAM)
        head = chain.head()
        with desk.a.lying(OldHead(at=head - 8)):
            with desk.b.lying(OldHead(at=head - 9)):
                assert not desk.step()
                assert not desk.step(3)
            assert state(A) == state(B) == ("QUARANTINED", "BEHIND")
            assert (everything(), StreamCursor.objects.get(name=blocks.STREAM).hash) == (before, cursor.hash)
            chain.mine(1)
            desk.step()  # asked for want of a better one: no time must pass
        assert (desk.followed, blocks.head().number) == (B, chain.head())

    def test_all_away_is_an_alert_after_a_while_and_nothing_is_lost(self, desk: Desk, chain: LocalChain) -> None:
        chain.mine(3)
        with desk.a.lying(Status(502)), desk.b.lying(Status(502)):
            for _ in range(3):
                assert not desk.step(100)
            assert alerts() == {}
            desk.step(100)
        assert alerts() == {A: "WARNING", B: "WARNING"}
        ProviderCircuit.objects.all().delete()
        desk.step(30)
        desk.step(601)
        assert alerts() == {}
        assert blocks.head().number == chain.head()

    def test_a_node_that_falls_behind_another_is_left_without_blame(self, desk: Desk, chain: LocalChain) -> None:
        cursor = StreamCursor.objects.get(name=blocks.STREAM)
        with desk.a.lying(OldHead(at=chain.head())):
            chain.mine(6)
            desk.step(3)
            assert (desk.followed, state(A)) == (B, ("HEALTHY", ""))
            assert StreamCursor.objects.get(name=blocks.STREAM).number == cursor.number + 6
            desk.step(61)  # the others move, and it still stands
        assert state(A) == ("QUARANTINED", "BEHIND")

    def test_one_call_sessions_go_to_a_node_that_is_well(self, desk: Desk) -> None:
        with default_node() as node:
            assert (node.name, open_session(node.name).limits.ranges.value) == (A, WIDEST_RANGE)
        with desk.a.lying(WrongChain()):
            desk.step()
            with default_node() as node:
                assert node.name == B
                assert node.call("eth_chainId") == hex(node.chain_id)

    def test_no_url_and_no_key_in_it_is_written_anywhere(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="apps")
        with desk.a.lying(Status(403)), desk.b.lying(Status(403)), pytest.raises(NoEndpoint):
            desk.step()
            desk.step()
        written = [*RpcEndpoint.objects.values_list(), *Alert.objects.values_list(), caplog.text]
        written += [record.__dict__ for record in caplog.records]
        assert A in str(written)
        assert "secret-key" not in str(written)
        assert "127.0.0.1" not in str(written)


class TestNodesSetAsideByHand:
    def test_are_asked_nothing_before_their_time(self, desk: Desk, chain: LocalChain) -> None:
        desk.forgive()
        desk.step()
        assert desk.followed == A
        until = desk.now + timedelta(hours=1)
        with unit_of_work():
            quarantine_endpoint(actor=system_actor(), name=A, reason="it moves house", until=until, now=desk.now)
        desk.a.asked.clear()
        chain.mine(1)
        desk.catch_up()
        assert (desk.a.asked, desk.followed, blocks.head().number) == ([], B, chain.head())
        assert alerts() == {}

    def test_are_no_last_resort_and_come_back_by_themselves(self, desk: Desk, chain: LocalChain) -> None:
        until = desk.now + timedelta(hours=1)
        with unit_of_work():
            for name in (A, B):
                quarantine_endpoint(actor=system_actor(), name=name, reason="it rests", until=until, now=desk.now)
        before = blocks.head().number
        chain.mine(1)
        desk.a.asked.clear()
        desk.b.asked.clear()
        desk.step(60)
        assert (desk.a.asked, desk.b.asked, blocks.head().number) == ([], [], before)
        desk.step(3600)
        desk.catch_up()
        assert (blocks.head().number, state(A), state(B)) == (chain.head(), ("HEALTHY", ""), ("HEALTHY", ""))
