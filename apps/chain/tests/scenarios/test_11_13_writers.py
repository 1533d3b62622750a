"""Scenarios 11 to 13: a writer that is killed, two of them on one stream, and many logs in one transaction."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from apps.chain.gateway import Node
from apps.chain.models import RawLog, StreamCursor
from apps.chain.selectors import logs
from apps.chain.selectors.blocks import STREAM
from apps.chain.testing.boundaries import Boundary, run
from apps.chain.testing.lies import Answer, Answers
from apps.chain.testing.lying_node import LyingNode
from apps.chain.tests.scenarios.world import World, world_of
from apps.chain.tests.stage import everything, lead, step
from apps.core.daemon import Deposed, Leadership
from apps.core.devstack.layout import CHAIN_ID

MOVE = f"UPDATE {StreamCursor._meta.db_table}"


@pytest.fixture(scope="class")
def world(books: str, template: str) -> Iterator[World]:
    with world_of(template) as found:
        yield found


def one_step(url: str) -> None:
    """One step of a process of its own."""
    with Node(url, chain_id=CHAIN_ID) as node:
        step(node, lead())


def step_through(url: str, leadership: Leadership) -> None:
    """One step in this thread, through a node session and a database connection of its own."""
    try:
        with Node(url, chain_id=CHAIN_ID) as node:
            step(node, leadership)
    finally:
        connections.close_all()


def at_receipts(act: Callable[[], object]) -> Answers:
    """Do something while a worker waits for its logs; the answer stays the true one."""

    def tell(method: str, params: list[Any], truth: Answer) -> Answer | None:
        if method == "eth_getBlockReceipts":
            act()
        return None

    return Answers(tell)


def storing(passed: tuple[Boundary, ...]) -> list[Boundary]:
    """From the beginning of the unit of work that moves the stream's cursor to the commit that is about to be asked."""
    move = next(at for at, each in enumerate(passed) if each.act == MOVE)
    begin = max(at for at, each in enumerate(passed[:move]) if each.act == "BEGIN")
    commit = next(at for at, each in enumerate(passed) if at > move and each.act == "COMMIT")
    return list(passed[begin : commit + 1])


class TestAWriter:
    def test_11_killed_between_rows_and_cursor_leaves_neither(self, world: World) -> None:
        world.traffic()
        inside = storing(run(one_step, url=world.chain.url).passed)
        acts = [each.act for each in inside if not each.after]
        assert any(act.startswith("COPY") for act in acts)
        assert any(act.startswith("INSERT chain_block") for act in acts)
        writes = [each for each in inside if not each.reads]
        assert len(writes) >= 6
        world.traffic()
        before = everything(), StreamCursor.objects.get(name=STREAM).hash
        for at in writes:
            assert run(one_step, url=world.chain.url, at=at).killed
            assert (everything(), StreamCursor.objects.get(name=STREAM).hash) == before
        world.desk.leadership = lead()
        world.is_as_if_nobody_had_lied()

    def test_12_of_two_from_the_same_cursor_is_the_only_one_to_commit(self, world: World) -> None:
        world.traffic()
        barrier = threading.Barrier(2)
        together = at_receipts(lambda: barrier.wait(10))
        with LyingNode(world.chain.url) as node, node.lying(together), ThreadPoolExecutor() as pool:
            steps = [pool.submit(step_through, node.url, world.desk.leadership) for _ in range(2)]
            failures = [each.exception(20) for each in steps]
        assert sorted(type(failure).__name__ for failure in failures) == ["CursorMoved", "NoneType"]
        world.is_as_if_nobody_had_lied()

    def test_12_of_an_earlier_epoch_is_fenced_off(self, world: World) -> None:
        old = world.desk.leadership
        world.desk.leadership = lead()
        world.traffic()
        before = everything()
        with pytest.raises(Deposed):
            step(world.chain.node, old)
        assert everything() == before
        world.is_as_if_nobody_had_lied()

    def test_13_keeps_each_of_many_logs_of_one_transaction(self, world: World) -> None:
        sent = world.chain.send(world.talker, f"0x{400:064x}")
        # A contract that logs ten times: LOG0 with i bytes of memory.
        many = world.chain.deploy_code("".join(f"60{i:02x}6000a0" for i in range(10)) + "00")
        world.watch(many, world.chain.head())
        short = world.chain.send(many, "0x")
        world.is_as_if_nobody_had_lied()
        assert list(RawLog.objects.filter(tx_hash=sent).order_by("log_index").values_list("log_index", flat=True)) == [
            *range(400)
        ]
        found = logs.logs_of_tx(short)
        assert [(log.log_index, len(log.data) // 2 - 1) for log in found] == [(at, at) for at in range(10)]
