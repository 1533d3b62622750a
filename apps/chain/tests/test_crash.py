"""kill -9 at every point of the sender on its plain way: nothing is lost and nothing is sent twice.

A forked process runs the sender and kills itself just after its n-th act, or before the one that follows; an act is a
statement that writes, or a call to the node. Just after a statement its transaction is open; before the next act it is
committed. What only reads changes nothing, so a point before it and a point after it are one.
"""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection, connections

from apps.chain.engines.ingester import Ingester
from apps.chain.engines.sender import Sender
from apps.chain.gateway import Node
from apps.chain.models import TxAttempt, TxIntent
from apps.chain.testing import FINALITY_BLOCKS, ChainPlatform
from apps.chain.tests.sending import balance, chain_nonce, ends, send
from apps.chain.types import ENDED, IntentState, IntentView, SignerRole
from apps.core import clock
from apps.core.daemon import elect

NEVER = 10_000


class Fate:
    """Kills this process at its n-th act."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.acts = at, after, 0

    def meet(self, act: Callable[[], Any]) -> Any:
        self.before()
        self.acts += 1
        result = act()
        if self.after and self.acts == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def before(self) -> None:
        """Whatever is done next, if only a reading, the n-th act is over and committed."""
        if not self.after and self.acts == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if sql.lstrip().upper().startswith("SELECT"):
            if not connection.in_atomic_block:
                self.before()
            return execute(sql, params, many, context)
        return self.meet(lambda: execute(sql, params, many, context))


class DoomedNode(Node):
    """A node whose calls are acts."""

    fate: Fate

    def _post(self, calls: Any) -> Any:
        return self.fate.meet(lambda: super(DoomedNode, self)._post(calls))


def run_doomed(platform: ChainPlatform, intent: IntentView, fate: Fate) -> bool:
    """Run the sender in a process of its own until the intent ends; true if it lived to see it."""
    platform.engines.clear()
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _send_to_the_end(platform, intent, fate)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the sender failed otherwise"
    return not os.WIFSIGNALED(status)


def _send_to_the_end(platform: ChainPlatform, intent: IntentView, fate: Fate) -> None:
    leadership, reading = elect("sender"), elect("ingester")
    assert leadership is not None
    assert reading is not None
    ingester = Ingester()
    ingester.lead(reading)
    with ExitStack() as stack:
        node = stack.enter_context(DoomedNode(platform.url, chain_id=platform.node.chain_id))
        miner = stack.enter_context(Node(platform.url, chain_id=platform.node.chain_id))
        node.fate = fate
        sender = Sender(node)
        while TxIntent.objects.get(pk=intent.id).state not in ENDED:
            with connection.execute_wrapper(fate.statement):
                sender.step(leadership, clock.now())
            miner.call("anvil_mine", hex(FINALITY_BLOCKS))
            while ingester.step(reading, clock.now()):
                pass


@pytest.mark.soak
class TestKilled:
    @pytest.mark.parametrize("after", [False, True], ids=["before what follows each act", "just after each act"])
    def test_nothing_is_lost_and_nothing_sent_twice(self, chain_platform: ChainPlatform, *, after: bool) -> None:
        first = chain_nonce(chain_platform, SignerRole.AGENT)
        victims, lived = [], False
        for point in range(1, NEVER):
            recipient = f"0x{int(after) + 1:02x}{point:038x}"
            intent = send(recipient, key=f"killed {after} {point}", value=1)
            victims.append((intent, recipient))
            # The next process finds what this one leaves, and sends it before its own.
            lived = run_doomed(chain_platform, intent, Fate(point, after=after))
            if lived:
                break
        assert lived
        assert len(victims) > 15
        for intent, recipient in victims:
            assert balance(chain_platform, recipient) == 1
            assert [topic for topic, _ in ends(intent)] == ["chain.intent_final"]
            assert TxAttempt.objects.filter(intent_id=intent.id).count() == 1
        assert set(TxIntent.objects.filter(kind="test").values_list("state", flat=True)) == {IntentState.FINAL}
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + len(victims)
