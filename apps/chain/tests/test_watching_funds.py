"""What operators are told of the ether our signers have."""

from datetime import timedelta

import pytest
from django.test.utils import override_settings

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.chain import health
from apps.chain.engines.sender import Sender
from apps.chain.gateway import Node
from apps.chain.services.limits import GWEI
from apps.chain.services.watching_funds import OFTEN
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import HangUp, Without
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.sending import NOBODY, balance, policy, send
from apps.core import clock
from apps.core.devstack.ports import free_port
from apps.core.ids import new_id
from apps.core.models import Alert

ETHER = 10**18
LOW = {"chain.funds:AGENT": "WARNING"}


def told() -> dict[str, str]:
    """The open alerts, by key."""
    found = Alert.objects.filter(source="chain.funds", resolved_at=None)
    return dict(found.values_list("dedup_key", "severity"))


def fund(platform: ChainPlatform, wei: int) -> None:
    platform.node.call("anvil_setBalance", platform.account(1).address, hex(wei))


def low_signers() -> list[str]:
    data = api_client(make_user(role="OPS")).get("/api/chain/status").json()["data"]
    return [signer["role"] for signer in data["signers"] if signer["low_on_ether"]]


def metric() -> float:
    found = {each.metric.name: each.value for each in health.read_sender_metrics()}
    return found["bookentry_chain_signers_low"]


class TestASigner:
    def test_that_cannot_pay_is_an_alert_until_it_is_funded(self, chain_platform: ChainPlatform) -> None:
        chain_platform.step("sender")
        assert (told(), low_signers(), metric()) == ({}, [], 0)
        own = balance(chain_platform, chain_platform.account(1).address)
        send(NOBODY, key="drained", value=own - ETHER // 20, approved_by=new_id())
        chain_platform.run_sender_until_final()
        left = balance(chain_platform, chain_platform.account(1).address)
        assert left < ETHER // 10
        chain_platform.step("sender", later=OFTEN)
        assert (told(), low_signers(), metric()) == (LOW, ["AGENT"], 1)
        said = f"Signer AGENT has {left // GWEI} gwei of ether left, less than 100000000: fund it."
        assert Alert.objects.get(source="chain.funds").summary == said
        fund(chain_platform, ETHER // 10)
        chain_platform.step("sender", later=2 * OFTEN)
        assert (told(), low_signers(), metric()) == ({}, [], 0)

    def test_is_asked_about_once_a_minute(self, chain_platform: ChainPlatform) -> None:
        chain_platform.step("sender", later=10 * OFTEN)
        fund(chain_platform, ETHER // 10 - 1)
        chain_platform.step("sender", later=11 * OFTEN - timedelta(seconds=5))
        assert told() == {}
        chain_platform.step("sender", later=11 * OFTEN)
        assert told() == LOW

    def test_may_have_nothing_where_gas_costs_nothing(self, chain_platform: ChainPlatform) -> None:
        fund(chain_platform, 0)
        with policy(sending={"low_gwei": 0}):
            chain_platform.step("sender", later=20 * OFTEN)
        assert told() == {}


class TestANode:
    @pytest.mark.parametrize("lie", [Without("eth_getBalance"), HangUp()], ids=["without the method", "silent"])
    def test_that_does_not_tell_raises_no_alert_and_resolves_none(
        self, chain_platform: ChainPlatform, lie: Without | HangUp
    ) -> None:
        _, leadership = chain_platform.engine("sender")

        def step() -> dict[str, str]:
            with Node(liar.url, chain_id=chain_platform.node.chain_id) as node:
                Sender(node).step(leadership, clock.now())
            return told()

        with LyingNode(chain_platform.url) as liar:
            fund(chain_platform, 0)
            with liar.lying(lie):
                assert step() == {}
            assert step() == LOW
            fund(chain_platform, ETHER)
            with liar.lying(lie):
                assert step() == LOW
            assert lie.told
            assert step() == {}

    def test_that_is_away_leaves_it_to_the_next_though_nothing_is_sent(self, chain_platform: ChainPlatform) -> None:
        _, leadership = chain_platform.engine("sender")
        fund(chain_platform, 0)
        dead = f"http://127.0.0.1:{free_port()}"
        with override_settings(CHAIN_RPC_URL=dead, CHAIN_RPC_URL_2=chain_platform.url):
            sender = Sender()
            sender.lead(leadership)
            sender.step(leadership, clock.now())
        assert told() == LOW
