"""Nodes that answer late, too seldom, or not what was asked; and what operators see of all nodes."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.chain import health
from apps.chain.limits import CALLS_A_BATCH, RECEIPTS_A_BATCH, WIDEST_RANGE
from apps.chain.models import WatchedContract
from apps.chain.selectors import blocks
from apps.chain.testing.lies import Altered, Answers, Refused, Slow, Status, asking
from apps.chain.testing.local_chain import LocalChain
from apps.chain.tests.following import A, B, Desk, answers_held, desk_of, row, state
from apps.chain.tests.stage import ALICE, canonical_chain_is_whole, node_logs, stored_logs, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node
from apps.core.providers import close_providers


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node() as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def the_desk(books: str, chain: LocalChain) -> Iterator[Desk]:
    watch(chain.deploy_token(), 1)
    chain.mine(100)
    with desk_of(chain, clock.now()) as found:
        found.catch_up()
        yield found


@pytest.fixture
def desk(the_desk: Desk) -> Desk:
    the_desk.forgive()
    the_desk.catch_up()
    return the_desk


@pytest.fixture
def short_patience() -> Iterator[None]:
    """Nodes are waited for half a second, and looked at for a fifth."""
    policy = settings.SECURITY.providers["chain_node"]
    timeouts = replace(policy.timeouts, read_seconds=0.5, total_seconds=0.5)
    providers = dict(settings.SECURITY.providers) | {"chain_node": replace(policy, timeouts=timeouts)}
    endpoints = replace(settings.SECURITY.chain.endpoints, probe_seconds=0.2)
    chain = replace(settings.SECURITY.chain, endpoints=endpoints)
    close_providers()
    with override_settings(SECURITY=replace(settings.SECURITY, providers=providers, chain=chain)):
        yield
    close_providers()


@pytest.fixture
def by_receipts() -> Iterator[None]:
    """Logs of final blocks are asked for by whole receipts, however dear."""
    with answers_held(logs="RECEIPTS"):
        yield


class TestAnswers:
    @pytest.mark.usefixtures("short_patience")
    def test_of_a_node_beside_that_hangs_hold_the_stream_up_once_and_briefly(
        self, desk: Desk, chain: LocalChain
    ) -> None:
        desk.restart()
        desk.b.asked.clear()
        took = []
        with desk.b.lying(Slow(2)):
            for _ in range(4):
                chain.mine(1)
                began = time.monotonic()
                desk.step(3)
                took.append(time.monotonic() - began)
                assert blocks.head().number == chain.head()
        assert state(B) == ("QUARANTINED", "FAILING")
        assert 0.2 <= max(took) < 2  # cut off before the node would have answered
        assert len(desk.b.asked) <= 3  # once: the chain id, the newest and the final block

    @pytest.mark.usefixtures("short_patience", "by_receipts")
    def test_that_come_too_late_are_asked_elsewhere_and_shorter_the_next_time(
        self, desk: Desk, chain: LocalChain
    ) -> None:
        token = chain.deploy_token()
        chain.mine(70)
        desk.catch_up()
        desk.restart()
        desk.step(3)
        watch(token, 1)
        with desk.a.lying(Slow(2, where=asking("eth_getBlockReceipts"))):
            desk.catch_up()
        assert (desk.followed, state(A)) == (B, ("QUARANTINED", "FAILING"))
        assert row(A).receipt_calls < RECEIPTS_A_BATCH
        assert row(B).receipt_calls == RECEIPTS_A_BATCH
        assert stored_logs(token) == node_logs(chain, token)
        assert WatchedContract.objects.get(address=token).covered

    @pytest.mark.usefixtures("by_receipts")
    @pytest.mark.parametrize(
        ("error", "followed"),
        [
            ({"code": -32601, "message": "the method eth_getBlockReceipts does not exist/is not available"}, A),
            ({"code": -32602, "message": "invalid argument 0"}, B),
            ({"code": -32005, "message": "daily request limit exceeded, request rate limited"}, B),
        ],
    )
    def test_that_no_smaller_question_would_mend_shrink_none(
        self, desk: Desk, chain: LocalChain, error: dict[str, Any], followed: str
    ) -> None:
        token = chain.deploy_token()
        chain.mint(token, ALICE, 1)
        chain.mine(70)
        desk.catch_up()
        desk.step(3)
        watch(token, 1)
        with desk.a.lying(Refused("eth_getBlockReceipts", **error)):
            desk.catch_up()
        caps = (row(A).range_blocks, row(A).receipt_calls, row(A).batch_calls)
        assert (desk.followed, *caps) == (followed, WIDEST_RANGE, RECEIPTS_A_BATCH, CALLS_A_BATCH)
        assert row(A).capabilities == ({"eth_getBlockReceipts": False} if followed == A else {})
        assert stored_logs(token) == node_logs(chain, token)

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_of_http_alone_are_asked_elsewhere(self, desk: Desk, chain: LocalChain, status: int) -> None:
        chain.mine(1)
        with desk.a.lying(Status(status)):
            desk.step()
        assert (desk.followed, state(A)) == (B, ("QUARANTINED", "FAILING"))
        assert blocks.head().number == chain.head()

    @pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber", "eth_getBlockReceipts"])
    @pytest.mark.parametrize("junk", [None, "x", {}, [7], {"number": "zz"}], ids=repr)
    def test_of_another_shape_harm_nothing(self, desk: Desk, chain: LocalChain, method: str, junk: Any) -> None:
        token = chain.deploy_token()
        watch(token, 1)
        chain.mint(token, ALICE, 1)
        chain.mine(3)
        with desk.a.lying(Answers(lambda *_: {"result": junk}, where=asking(method))):
            desk.catch_up()
        assert desk.followed == B
        assert state(A)[0] == "QUARANTINED"
        assert stored_logs(token) == node_logs(chain, token)
        canonical_chain_is_whole(chain)

    def test_with_headers_that_do_not_link_are_a_lie_where_they_lie_deep(self, desk: Desk, chain: LocalChain) -> None:
        first = blocks.head().number + 1
        chain.mine(10)
        other_parent, second = {"parentHash": "0x" + "55" * 32}, asking("eth_getBlockByNumber", hex(first + 1))
        with desk.a.lying(Altered("eth_getBlockByNumber", other_parent, where=second)):
            desk.step()
        assert (desk.followed, state(A)) == (B, ("QUARANTINED", "LIED"))
        canonical_chain_is_whole(chain)
        assert blocks.head().number == chain.head()


class TestSight:
    def test_tells_health_and_numbers_by_name(self, desk: Desk, chain: LocalChain) -> None:
        assert health.endpoint_health().ok
        chain.mine(3)
        with desk.a.lying(Status(401)):
            desk.catch_up()
        found = health.endpoint_health()
        assert (found.ok, found.required, found.detail) == (False, False, f"{A} disabled: UNAUTHORIZED")
        samples = {(each.metric.name, each.labels): each.value for each in health.read_endpoint_metrics()}
        assert samples[("bookentry_chain_endpoint_state", (A, "DISABLED"))] == 1
        assert samples[("bookentry_chain_endpoint_state", (A, "HEALTHY"))] == 0
        assert samples[("bookentry_chain_endpoint_state", (B, "HEALTHY"))] == 1
        assert samples[("bookentry_chain_endpoint_head_block", (B,))] == chain.head()
        assert samples[("bookentry_chain_endpoint_final_block", (B,))] == chain.head() - 64
        assert samples[("bookentry_chain_endpoint_range_blocks", (B,))] == WIDEST_RANGE
        assert samples[("bookentry_chain_endpoint_lies_total", (A,))] == 0
        assert {metric.name for metric in health.ENDPOINTS} == {name for name, _ in samples}
