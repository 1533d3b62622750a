"""The sender at several nodes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test.utils import override_settings

from apps.chain.models import RpcEndpoint
from apps.chain.selectors.intents import intent as read
from apps.chain.testing import ChainPlatform
from apps.chain.testing.lies import Altered, asking
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.sending import send, step_until_mined
from apps.chain.types import IntentState
from apps.core.devstack.ports import free_port


class TestSeveralNodes:
    """The first of two nodes does not do, or does not agree."""

    @pytest.fixture(autouse=True)
    def cheap_gas(self, chain_platform: ChainPlatform) -> Iterator[None]:
        chain_platform.mine(60)
        yield
        RpcEndpoint.objects.all().delete()

    def test_sends_by_another_where_one_is_away(self, chain_platform: ChainPlatform) -> None:
        dead = f"http://127.0.0.1:{free_port()}"
        with override_settings(CHAIN_RPC_URL=dead, CHAIN_RPC_URL_2=chain_platform.url):
            intent = send(key="by the second", value=1)
            step_until_mined(chain_platform, intent)
            assert read(intent.id).state == IntentState.MINED
            chain_platform.run_sender_until_final()
            assert read(intent.id).state == IntentState.FINAL

    def test_calls_nothing_final_that_one_of_them_does_not(self, chain_platform: ChainPlatform) -> None:
        intent = send(key="final for both", value=1)
        before = chain_platform.header("finalized")
        slow = Altered("eth_getBlockByNumber", before, where=asking("eth_getBlockByNumber", "finalized"))
        with LyingNode(chain_platform.url) as liar, override_settings(CHAIN_RPC_URL_2=liar.url):
            with liar.lying(slow):
                for seconds in range(0, 12, 3):
                    chain_platform.step("sender", later=timedelta(seconds=seconds))
                    chain_platform.finalize()
                    chain_platform.step("ingester", later=timedelta(seconds=seconds))
                assert read(intent.id).state == IntentState.MINED
            for seconds in (20, 25, 30):
                chain_platform.step("ingester", later=timedelta(seconds=seconds))
                chain_platform.finalize()
            chain_platform.step("sender", later=timedelta(seconds=30))
            assert read(intent.id).state == IntentState.FINAL
