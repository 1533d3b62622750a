"""What operators are told of the stream: alerts, metrics and the status over HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings

from apps.accounts.testing import api_client
from apps.accounts.tests.factories import make_user
from apps.chain import health
from apps.chain.models import Block, DeadLetter, HolderBalance, RawLog, RpcEndpoint, WatchedContract
from apps.chain.selectors import blocks
from apps.chain.services.watching_over import BALANCES_OFTEN, StreamWatch, conditions
from apps.chain.testing.forks import reorg
from apps.chain.testing.local_chain import LocalChain, hx
from apps.chain.tests.following import A, Desk, desk_of
from apps.chain.tests.stage import ALICE, NOW, watch
from apps.core import clock
from apps.core.devstack.anvil import private_node
from apps.core.models import Alert


@pytest.fixture(scope="class")
def chain() -> Iterator[LocalChain]:
    with private_node(slots_in_an_epoch=1) as url:
        found = LocalChain(url)
        yield found
        found.close()


@pytest.fixture(scope="class")
def token(chain: LocalChain) -> str:
    return chain.deploy_token()


@pytest.fixture(scope="class")
def desk(books: str, chain: LocalChain, token: str) -> Iterator[Desk]:
    watch(token, 1)
    for amount in (5, 6, 7):
        chain.mint(token, ALICE, amount)
    chain.mine(4)
    with desk_of(chain, NOW) as found:
        found.catch_up()
        yield found


def open_alerts() -> dict[str, str]:
    found = Alert.objects.filter(source="chain.stream", resolved_at=None)
    return dict(found.values_list("dedup_key", "severity"))


def samples() -> dict[tuple[str, Any], float]:
    return {(each.metric.name, each.labels): each.value for each in health.read_stream_metrics()}


def number_of(name: str) -> float:
    return next(value for (found, _), value in samples().items() if found == name)


class TestMetrics:
    def test_count_events_and_reorganisations(self, desk: Desk, chain: LocalChain, token: str) -> None:
        before = number_of("bookentry_chain_events_total")
        chain.mint(token, ALICE, 1)
        desk.catch_up()
        assert number_of("bookentry_chain_events_total") == before + 1
        count = number_of("bookentry_chain_reorganisations_total")
        chain.mine(1)
        desk.catch_up()
        reorg(chain, 1)
        desk.catch_up()
        assert number_of("bookentry_chain_reorganisations_total") == count + 1
        assert number_of("bookentry_chain_last_reorganisation_blocks") == 1

    def test_tell_how_far_the_stream_and_its_balances_are_behind(self, desk: Desk) -> None:
        head = blocks.head()
        assert head is not None
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number + 5)
        found = samples()
        lags = {labels: value for (name, labels), value in found.items() if name == "bookentry_chain_fold_lag_blocks"}
        assert set(lags.values()) == {0}
        assert len(lags) == 2
        assert found["bookentry_chain_stream_lag_blocks", ()] == 5
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number)

    def test_tell_how_much_of_a_late_contracts_past_is_missing(self, desk: Desk) -> None:
        late = hx(0x1A7E)
        watch(late, 1)
        WatchedContract.objects.filter(address=late).update(covered=False, covered_to=1)
        stream = blocks.stream()
        assert stream is not None
        assert number_of("bookentry_chain_contracts_uncovered") == 1
        assert number_of("bookentry_chain_backfill_left_blocks") == stream.number - 1
        WatchedContract.objects.filter(address=late).delete()
        assert number_of("bookentry_chain_backfill_left_blocks") == 0

    def test_are_all_declared(self, desk: Desk) -> None:
        assert {name for name, _ in samples()} == {metric.name for metric in health.STREAM}


class TestStatus:
    def test_tells_nodes_coverage_and_what_was_gone_through(self, desk: Desk, chain: LocalChain) -> None:
        chain.mine(1)
        desk.catch_up()
        reorg(chain, 1)
        desk.catch_up()
        answer = api_client(make_user(role="OPS")).get("/api/chain/status")
        data = answer.json()["data"]
        first, second = data["endpoints"]
        assert (first["name"], first["state"], first["reason"], first["lag_blocks"]) == (A, "HEALTHY", "", 0)
        assert first["head"] == second["head"] == chain.head()
        assert "secret-key" not in answer.content.decode()
        assert desk.a.url not in answer.content.decode()
        assert data["coverage"] == {
            "from_block": data["coverage"]["from_block"],
            "to_block": chain.head(),
            "contracts": 1,
            "contracts_behind": 0,
            "behind_from": None,
        }
        assert (data["reorganisations"]["count"], data["reorganisations"]["depth"]) == (1, 1)
        assert (data["dead_letters_open"], data["halted"], data["lag_blocks"]) == (0, "", 0)
        by_name = {cursor["name"]: cursor["lag_seconds"] for cursor in data["cursors"]}
        assert set(by_name) == {"blocks", "head", "final"}
        head = blocks.head()
        assert head is not None
        age = (clock.now() - head.timestamp).total_seconds()
        assert abs(data["lag_seconds"] - max(age, 0)) < 60
        assert all(seconds is not None for seconds in by_name.values())


class TestAlerts:
    def test_are_none_while_all_is_well(self, desk: Desk) -> None:
        desk.step(3)
        assert open_alerts() == {}

    def test_tell_of_dead_letters_until_they_are_read(self, desk: Desk) -> None:
        log = RawLog.objects.order_by("pk").first()
        assert log is not None
        letter = DeadLetter.objects.create(
            block=log.block,
            block_number=log.block_number,
            log_index=999,
            address=log.address,
            reason="of this test",
            found_at=NOW,
        )
        desk.step(3)
        assert open_alerts() == {"chain.stream:dead_letters": "WARNING"}
        Block.objects.filter(pk=letter.block_id).update(canonical=False, finality="OBSERVED", final_by="")
        assert "chain.stream:dead_letters" not in conditions({}, desk.now)
        Block.objects.filter(pk=letter.block_id).update(canonical=True, finality="FINAL", final_by="TAG")
        DeadLetter.objects.filter(pk=letter.pk).update(resolved_at=NOW, end="DECODED")
        desk.step(3)
        assert open_alerts() == {}

    def test_tell_of_a_balance_below_zero_within_five_minutes(self, desk: Desk, token: str) -> None:
        rows = HolderBalance.objects.filter(token=token, wallet=ALICE)
        rows.update(final=-1)
        desk.step(BALANCES_OFTEN.total_seconds())
        assert open_alerts() == {f"chain.stream:negative:{token}": "CRITICAL"}
        rows.update(final=18)
        desk.step(3)
        assert len(open_alerts()) == 1
        desk.step(BALANCES_OFTEN.total_seconds())
        assert open_alerts() == {}

    def test_tell_of_a_lag_only_where_nodes_have_newer_blocks(self, desk: Desk) -> None:
        head = blocks.head()
        assert head is not None
        limit = settings.SECURITY.chain.stream.lag_seconds
        late = head.timestamp + timedelta(seconds=limit + 1)
        assert conditions({}, late) == {}
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number + 5)
        assert set(conditions({}, late)) == {"chain.stream:lag"}
        assert conditions({}, head.timestamp + timedelta(seconds=limit)) == {}
        RpcEndpoint.objects.update(state="QUARANTINED", reason="BY_HAND", until=late)
        assert conditions({}, late)["chain.stream:lag"].summary.endswith("no node is well.")
        RpcEndpoint.objects.update(state="HEALTHY", reason="", until=None)
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number)

    def test_go_by_the_policy(self, desk: Desk) -> None:
        head = blocks.head()
        assert head is not None
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number + 5)
        chain = replace(settings.SECURITY.chain, stream=replace(settings.SECURITY.chain.stream, lag_seconds=10))
        with override_settings(SECURITY=replace(settings.SECURITY, chain=chain)):
            assert set(conditions({}, head.timestamp + timedelta(seconds=11))) == {"chain.stream:lag"}
        RpcEndpoint.objects.filter(pk=A).update(head_number=head.number)

    def test_are_looked_at_once_a_second(self, desk: Desk) -> None:
        watching = StreamWatch()
        watching.look(NOW)
        DeadLetter.objects.update(resolved_at=None, end="")
        watching.look(NOW + timedelta(milliseconds=500))
        assert open_alerts() == {}
        watching.look(NOW + timedelta(seconds=1))
        assert open_alerts() == {"chain.stream:dead_letters": "WARNING"}
        DeadLetter.objects.update(resolved_at=NOW, end="DECODED")
        watching.look(NOW + timedelta(seconds=2))
