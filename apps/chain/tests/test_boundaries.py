"""A run is killed at the boundary that is named, at no other, and an honest run names them all."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from apps.chain.gateway import Node
from apps.chain.models import RawLog, StreamCursor, TxAttempt, TxIntent
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing import ChainPlatform
from apps.chain.testing.boundaries import Boundary, run, sample
from apps.chain.testing.lies import OldHead
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.twin import differences, rows, twin_of
from apps.chain.tests.sending import NOBODY, chain_nonce, send
from apps.chain.tests.stage import ALICE, catch_up, lead, step, watch
from apps.chain.types import IntentState, SignerRole
from apps.core.daemon import elect
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID
from apps.core.testing import databases

Stage = tuple[LocalChain, str]
LOGS = "eth_getBlockReceipts"  # how the ingester asks for them
MOVE = f"UPDATE {StreamCursor._meta.db_table}"


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[Stage]:
    with private_node() as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        watch(token, 1)
        catch_up(chain.node, lead())
        yield chain, token
        chain.close()


def ingest(url: str) -> None:
    """What the ingester does until it has nothing to do."""
    leadership = lead()
    with Node(url, chain_id=CHAIN_ID) as node:
        while step(node, leadership):
            pass


def cursor() -> int:
    return StreamCursor.objects.get(name=STREAM).number


def moving(passed: tuple[Boundary, ...]) -> tuple[Boundary, Boundary]:
    """The first moving of the cursor in a run, and the commit that makes it so."""
    move = next(each for each in passed if each.act == MOVE)
    return move, next(each for each in passed[passed.index(move) :] if each.act == "COMMIT")


class TestIngester:
    def test_an_honest_run_names_all_it_does_in_order(self, stage: Stage) -> None:
        chain, token = stage
        chain.mint(token, ALICE, 1)
        done = run(ingest, url=chain.url)
        names = done.names()
        assert (done.killed, cursor()) == (False, chain.head())
        for name in ("db BEGIN", "db COPY ", "node eth_chainId", f"node {LOGS}", f"db {MOVE}", "db COMMIT"):
            assert any(each.startswith(name) for each in names), (name, names)
        assert names[-1].startswith("db")
        assert names.index(f"node {LOGS}") < names.index(f"db {MOVE}")
        assert all(Boundary(each.side, each.act, each.nth, after=True) in done.passed for each in done.passed)
        assert len(set(done.passed)) == len(done.passed)

    def test_it_names_the_same_again(self, stage: Stage) -> None:
        chain, token = stage
        runs = []
        for _ in range(2):
            chain.mint(token, ALICE, 1)
            runs.append(run(ingest, url=chain.url))
        assert sorted(runs[0].passed) == sorted(runs[1].passed)

    def test_a_kill_before_the_commit_loses_it_and_after_it_does_not(self, stage: Stage) -> None:
        chain, token = stage
        chain.mint(token, ALICE, 1)
        move, commit = moving(run(ingest, url=chain.url).passed)
        start = cursor()
        chain.mint(token, ALICE, 1)
        for at in (move, replace(move, after=True), commit):
            assert run(ingest, url=chain.url, at=at).killed
            assert cursor() == start
        killed = run(ingest, url=chain.url, at=replace(commit, after=True))
        assert (killed.killed, killed.passed[-1].act, cursor()) == (True, "COMMIT", start + 1)

    def test_a_kill_at_a_call_is_before_or_after_the_node_was_asked(self, stage: Stage) -> None:
        chain, token = stage
        chain.mint(token, ALICE, 1)
        with LyingNode(chain.url) as liar:
            for after in (False, True):
                assert run(ingest, url=liar.url, at=Boundary("node", LOGS, 1, after)).killed
                assert liar.count(LOGS) == int(after)
        ingest(chain.url)

    def test_a_boundary_that_never_comes_kills_nobody(self, stage: Stage) -> None:
        chain, _ = stage
        assert not run(ingest, url=chain.url, at=Boundary("db", "COMMIT", 10_000)).killed

    def test_a_failure_of_the_work_itself_is_told(self, stage: Stage) -> None:
        with pytest.raises(AssertionError, match="ended with 1, not 0"):
            run(lambda _url: 1 / 0, url=stage[0].url)
        with pytest.raises(AssertionError, match="still running after"):
            run(lambda _url: time.sleep(30), url=stage[0].url, seconds=0.3)

    def test_a_killed_run_leaves_no_session_behind(self, stage: Stage) -> None:
        chain, token = stage
        chain.mint(token, ALICE, 1)
        assert run(ingest, url=chain.url, at=Boundary("db", "COMMIT", 2)).killed
        assert elect("ingester") is not None  # its lock is free at once
        databases.leave()
        ingest(chain.url)

    def test_lies_and_kills_go_together(self, stage: Stage) -> None:
        chain, token = stage
        chain.mint(token, ALICE, 1)
        _, commit = moving(run(ingest, url=chain.url).passed)
        chain.mint(token, ALICE, 1)
        chain.mine(3)
        with LyingNode(chain.url) as liar, liar.lying(OldHead(behind=2)):
            before = RawLog.objects.count()
            assert run(ingest, url=liar.url, at=replace(commit, after=True)).killed
            ingest(liar.url)
            assert (cursor(), RawLog.objects.count()) == (chain.head() - 2, before + 1)
        ingest(chain.url)


class TestSampling:
    POINTS = tuple(Boundary("db", act, nth) for act in ("SELECT a", "INSERT a", "COMMIT") for nth in range(1, 21))

    def test_is_told_by_its_seed(self) -> None:
        assert sample(self.POINTS, 10, seed=1) == sample(reversed(self.POINTS), 10, seed=1)
        assert sample(self.POINTS, 10, seed=1) != sample(self.POINTS, 10, seed=2)

    def test_leaves_out_what_only_reads_unless_asked(self) -> None:
        assert len(sample(self.POINTS, 100, seed=1)) == 40
        assert len(sample(self.POINTS, 100, seed=1, reads=True)) == 60


class TestPlatform:
    """The engines of a platform, killed in a child that has the platform to itself."""

    def test_a_kill_around_the_sending_sends_it_once(self, chain_platform: ChainPlatform) -> None:
        first = chain_nonce(chain_platform, SignerRole.AGENT)
        for number, after in enumerate((False, True)):
            intent = send(NOBODY, key=f"killed {after}", value=1)
            at = Boundary("node", "eth_sendRawTransaction", 1, after)
            assert chain_platform.doomed(lambda platform: platform.step("sender"), at=at).killed
            assert chain_nonce(chain_platform, SignerRole.AGENT) == first + number + int(after)
            assert TxIntent.objects.get(pk=intent.id).state == IntentState.SIGNED
            chain_platform.run_sender_until_final()
            assert TxAttempt.objects.filter(intent_id=intent.id).count() == 1
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + 2

    def test_five_of_them_all_engines_running_lose_and_double_nothing(self, chain_platform: ChainPlatform) -> None:
        first, key = chain_nonce(chain_platform, SignerRole.AGENT), count()

        def prepare() -> None:
            send(NOBODY, key=f"one of five {next(key)}", value=1)

        def work(platform: ChainPlatform) -> None:
            platform.run_until_quiet()

        prepare()
        honest = chain_platform.doomed(work)
        assert {"node eth_sendRawTransaction", "db COMMIT", f"db {MOVE}"} <= set(honest.names())
        for at in sample(honest.passed, 5, seed=5):
            prepare()
            chain_platform.doomed(work, at=at)
            chain_platform.run_until_quiet()
        chain_platform.engines.clear()
        intents = TxIntent.objects.filter(kind="test", business_key__startswith="one of five")
        assert set(intents.values_list("state", flat=True)) == {IntentState.FINAL}
        assert not TxAttempt.objects.filter(intent__in=intents, number__gt=1).exists()
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + intents.count() == first + 6

    def test_a_twin_of_it_reads_the_same_from_the_chain(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        with twin_of(chain_platform.template), chain_platform.reborn() as twin:
            twin.catch_up()
            honest = rows()
        chain_platform.catch_up()
        assert differences(rows(), honest) == {}
