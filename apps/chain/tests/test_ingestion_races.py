"""Two workers on one stream, and a worker killed anywhere: nothing lost, nothing doubled."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from apps.chain.codec import TRANSFER
from apps.chain.errors import CursorMoved
from apps.chain.gateway import Node
from apps.chain.models import Block, DeadLetter, RawLog, StreamCursor
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.lies import Answer, Answers
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.stage import (
    ALICE,
    BOB,
    canonical_chain_is_whole,
    catch_up,
    everything,
    head_fold,
    lead,
    node_logs,
    step,
    stored_logs,
    watch,
)
from apps.core.daemon import Deposed, Leadership, elect
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

Stage = tuple[LocalChain, str, Leadership]


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[Stage]:
    with private_node() as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        watch(token, 1)
        leadership = lead()
        catch_up(chain.node, leadership)
        yield chain, token, leadership
        chain.close()


def step_through(url: str, leadership: Leadership) -> None:
    """One step in this thread, through a node session and a database connection of its own."""
    try:
        with Node(url, chain_id=CHAIN_ID) as node:
            step(node, leadership)
    finally:
        connections.close_all()


def at_logs(act: Callable[[], object]) -> Answers:
    """Do something while a worker waits for its logs; the answer stays the true one."""

    def tell(method: str, params: list[Any], truth: Answer) -> Answer | None:
        if method == "eth_getBlockReceipts":
            act()
        return None

    return Answers(tell)


class TestTwoWorkers:
    def test_commit_once_of_two_from_the_same_cursor(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mint(token, ALICE, 100)
        barrier = threading.Barrier(2)
        together = at_logs(lambda: barrier.wait(10))
        with LyingNode(chain.url) as node, node.lying(together), ThreadPoolExecutor() as pool:
            steps = [pool.submit(step_through, node.url, leadership) for _ in range(2)]
            failures = [each.exception(20) for each in steps]
        assert sorted(type(failure).__name__ for failure in failures) == ["CursorMoved", "NoneType"]
        assert head_fold(token) == {ALICE: 100}
        canonical_chain_is_whole(chain)

    def test_discard_a_step_that_a_reorg_overtook(self, stage: Stage) -> None:
        chain, token, leadership = stage
        chain.mint(token, BOB, 1)
        catch_up(chain.node, leadership)
        doomed = chain.mint(token, BOB, 50)
        asked, go_on = threading.Event(), threading.Event()
        held = at_logs(lambda: (asked.set(), go_on.wait(10)))
        with LyingNode(chain.url) as node, node.lying(held), ThreadPoolExecutor() as pool:
            slow = pool.submit(step_through, node.url, leadership)
            assert asked.wait(10)
            # Another worker follows a reorg that takes away the block the slow one stands on.
            chain.reorg(2)
            catch_up(chain.node, leadership)
            before = everything()
            go_on.set()
            assert isinstance(slow.exception(20), CursorMoved)
        assert everything() == before
        assert not RawLog.objects.filter(tx_hash=doomed).exists()
        canonical_chain_is_whole(chain)

    def test_fence_off_a_leader_of_an_earlier_epoch(self, stage: Stage) -> None:
        chain, token, old = stage
        new = lead()
        chain.mint(token, ALICE, 1)
        before = everything()
        with pytest.raises(Deposed):
            step(chain.node, old)
        assert everything() == before
        catch_up(chain.node, new)
        assert head_fold(token)[ALICE] == 101


def die_before_statement(number: int) -> Callable[..., Any]:
    """A database wrapper that kills its own process, as by power loss, before the n-th statement."""
    left = number

    def wrapper(execute: Callable[..., Any], *args: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*args)

    return wrapper


def step_in_a_process_killed_at(statement: int, url: str) -> bool:
    """One step in a forked process; true if it lived to the end of it."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            while (leadership := elect("ingester")) is None:
                pass
            with Node(url, chain_id=CHAIN_ID) as node, connection.execute_wrapper(die_before_statement(statement)):
                step(node, leadership)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.waitstatus_to_exitcode(status) == 0
    return not killed


def nothing_is_half_done(chain: LocalChain, token: str) -> None:
    """Blocks, logs, transfers and cursor tell one story, at whatever height."""
    cursor = StreamCursor.objects.get(name=STREAM)
    stored = stored_logs(token)
    assert Block.objects.filter(canonical=True).order_by("-number").first().hash == cursor.hash
    assert stored == [found for found in node_logs(chain, token) if found in set(stored)]
    for hash_, _ in node_logs(chain, token):
        block = Block.objects.filter(hash=hash_, canonical=True).first()
        assert (block is not None) == (hash_ in {kept for kept, _ in stored})
    assert all((log.topics[0] == TRANSFER) == (log.amount is not None) for log in RawLog.objects.all())
    assert not DeadLetter.objects.exists()


class TestKilledWorker:
    """Killed before its first statement, its second, ... until it lives through a whole step."""

    def test_leaves_the_old_state_or_the_new_while_extending(self, stage: Stage) -> None:
        chain, token, _ = stage
        catch_up(chain.node, lead())
        before = StreamCursor.objects.get(name=STREAM).number
        for amount in (1, 2, 3):
            chain.mint(token, BOB, amount)
        self.dies_at_each_statement(chain, token, at_least=10)
        assert StreamCursor.objects.get(name=STREAM).number == before + 3
        assert stored_logs(token) == node_logs(chain, token)

    def test_leaves_the_old_state_or_the_new_while_rewinding(self, stage: Stage) -> None:
        chain, token, _ = stage
        chain.reorg(2)
        before, cursor = everything(), StreamCursor.objects.get(name=STREAM).hash
        statement = 1
        while not step_in_a_process_killed_at(statement, chain.url):
            assert (everything(), StreamCursor.objects.get(name=STREAM).hash) == (before, cursor)
            statement += 1
        assert statement > 6
        catch_up(chain.node, lead())
        assert stored_logs(token) == node_logs(chain, token)
        canonical_chain_is_whole(chain)

    def test_leaves_the_old_state_or_the_new_while_backfilling(self, stage: Stage) -> None:
        chain, _, _ = stage
        late = chain.deploy_token()
        chain.mint(late, ALICE, 6)
        catch_up(chain.node, lead())
        watch(late, 1)
        self.dies_at_each_statement(chain, late, at_least=8)
        assert stored_logs(late) == node_logs(chain, late)

    def dies_at_each_statement(self, chain: LocalChain, token: str, *, at_least: int) -> None:
        statement = 1
        while not step_in_a_process_killed_at(statement, chain.url):
            if stored_logs(token):
                nothing_is_half_done(chain, token)
            statement += 1
        assert statement > at_least
