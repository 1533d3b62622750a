"""One node and no other: what it may not be believed in waits, and goes on when it is mended."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import override_settings

from apps.chain.engines.ingester import Ingester
from apps.chain.models import Block
from apps.chain.selectors import blocks
from apps.chain.testing.lies import Empty, Null, Status
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, alerts, desk_of, row, state
from apps.chain.tests.stage import ALICE, canonical_chain_is_whole, node_logs, stored_logs, watch
from apps.core import clock
from apps.core.daemon import run_engine
from apps.core.devstack.anvil import private_node
from apps.core.models import EngineState
from apps.core.testing.waiting import until


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def token(books: str, chain: LocalChain) -> str:
    found = chain.deploy_token()
    chain.mine(10)
    watch(found, 1)
    return found


@pytest.fixture(scope="class")
def the_desk(token: str, chain: LocalChain) -> Iterator[Desk]:
    with desk_of(chain, clock.now(), **{B: ""}) as found:
        found.catch_up()
        yield found


@pytest.fixture
def desk(the_desk: Desk) -> Desk:
    the_desk.forgive()
    the_desk.catch_up()
    return the_desk


class TestTheOnlyNode:
    def test_that_lied_is_not_asked_until_its_time_is_over(self, desk: Desk, chain: LocalChain, token: str) -> None:
        height = blocks.head().number
        chain.mint(token, ALICE, 3)
        chain.mine(5)
        with desk.a.lying(Empty()):
            assert not desk.step()
        assert (state(A), alerts()) == (("QUARANTINED", "LIED"), {A: "ERROR"})
        assert blocks.head().number == height
        desk.a.asked.clear()
        desk.step(599)
        assert desk.a.asked == []
        desk.catch_up(2)
        assert stored_logs(token) == node_logs(chain, token)
        canonical_chain_is_whole(chain)
        assert alerts() == {}

    def test_whose_head_outruns_its_logs_is_asked_with_every_step(
        self, desk: Desk, chain: LocalChain, token: str
    ) -> None:
        chain.mint(token, ALICE, 3)
        with desk.a.lying(Null("eth_getBlockReceipts")):  # a balancer whose next node is a block behind
            for _ in range(5):
                assert not desk.step(0.25)
        assert (state(A), row(A).failures) == (("QUARANTINED", "BEHIND"), 1)
        desk.step(0.25)
        assert state(A) == ("HEALTHY", "")
        assert stored_logs(token) == node_logs(chain, token)

    def test_that_is_away_is_found_with_the_next_step(self, desk: Desk, chain: LocalChain) -> None:
        with desk.a.lying(Status(503)):
            assert not desk.step()
        assert row(A).until - desk.now == timedelta(seconds=30)
        chain.mine(1)
        desk.step(0.25)
        assert (state(A), blocks.head().number) == (("HEALTHY", ""), chain.head())

    def test_of_another_chain_keeps_the_engine_from_leading(self, desk: Desk, chain: LocalChain) -> None:
        stored = Block.objects.count()
        chain.mine(1)
        stop = threading.Event()
        with override_settings(CHAIN_ID=1):
            connection.close()  # and with it the lock of who led here
            engine = threading.Thread(target=run_engine, args=(Ingester(), stop))
            engine.start()
            try:
                until(lambda: EngineState.objects.get(name="ingester").last_error == "NoEndpoint")
            finally:
                stop.set()
                engine.join()
        assert (state(A), alerts()) == (("DISABLED", "WRONG_CHAIN"), {A: "CRITICAL"})
        assert Block.objects.count() == stored
