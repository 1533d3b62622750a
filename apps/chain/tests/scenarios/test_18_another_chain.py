"""Scenario 18: another chain, or another history of ours, behind a URL that we follow."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.audit.models import AuditLog
from apps.chain.errors import NoEndpoint
from apps.chain.models import RpcEndpoint
from apps.chain.selectors import blocks
from apps.chain.testing.lies import Altered, WrongChain, asking
from apps.chain.tests.following import A, B, alerts, state
from apps.chain.tests.scenarios.world import World, world_of
from apps.chain.tests.stage import everything


@pytest.fixture(scope="class")
def the_world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


@pytest.fixture
def world(the_world: World) -> World:
    the_world.feed()
    return the_world


def release_a() -> None:
    """A person lets A be followed again, and has to say why."""
    with pytest.raises(CommandError, match="reason"):
        call_command("chain_endpoints", release=A, stdout=StringIO())
    with pytest.raises(CommandError, match="configured"):
        call_command("chain_endpoints", release="CHAIN_RPC_URL_5", reason="typo", stdout=StringIO())
    call_command("chain_endpoints", release=A, reason="it was pointed elsewhere", stdout=(said := StringIO()))
    assert said.getvalue().splitlines()[1].startswith(f"{B} DISABLED (WRONG_CHAIN)")
    assert AuditLog.objects.get(action="chain.endpoint_released").after == {"reason": "it was pointed elsewhere"}


class TestAnotherChain:
    def test_18_another_chain_is_refused_at_start(self, world: World) -> None:
        RpcEndpoint.objects.all().delete()
        with world.desk.a.lying(WrongChain()):
            world.desk.restart()
            assert state(A) == ("DISABLED", "WRONG_CHAIN")
            world.chain.mine(1)
            world.desk.catch_up()
        assert (world.desk.followed, blocks.head().number) == (B, world.chain.head())
        assert alerts() == {A: "CRITICAL"}
        world.is_as_if_nobody_had_lied()

    def test_18_another_chain_is_refused_in_the_midst_of_a_session(self, world: World) -> None:
        assert world.desk.followed == A
        before = everything()
        with world.desk.a.lying(WrongChain()):  # a balancer that sends us elsewhere, without any failure before
            world.desk.step()
        assert state(A) == ("DISABLED", "WRONG_CHAIN")
        assert (world.desk.followed, everything()) == (B, before)
        assert alerts() == {A: "CRITICAL"}
        world.is_as_if_nobody_had_lied()

    def test_18_where_no_other_is_there_the_engine_refuses_to_go_on(self, world: World) -> None:
        RpcEndpoint.objects.all().delete()
        before = everything()
        with world.desk.b.lying(WrongChain()):
            with world.desk.a.lying(WrongChain()):
                for _ in range(2):
                    with pytest.raises(NoEndpoint):
                        world.desk.restart()
                    with pytest.raises(NoEndpoint):
                        world.desk.step()
            assert alerts() == {A: "CRITICAL", B: "CRITICAL"}
            assert everything() == before
            release_a()
            world.desk.restart()
            world.chain.mine(1)
            world.desk.catch_up()
        assert blocks.head().number == world.chain.head()
        assert alerts() == {B: "CRITICAL"}
        world.is_as_if_nobody_had_lied()

    def test_18_another_history_of_the_same_chain_is_refused(self, world: World) -> None:
        RpcEndpoint.objects.all().delete()
        first, other_hash = asking("eth_getBlockByNumber", "0x0"), {"hash": "0x" + "99" * 32}
        with world.desk.b.lying(Altered("eth_getBlockByNumber", other_hash, where=first)):
            world.desk.restart()
            world.desk.step()
        assert (state(A)[0], state(B)) == ("HEALTHY", ("DISABLED", "WRONG_HISTORY"))
        assert (world.desk.followed, alerts()) == (A, {B: "CRITICAL"})
        world.is_as_if_nobody_had_lied()
