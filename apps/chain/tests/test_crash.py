"""kill -9 at every point of the sender: nothing is lost and nothing is sent twice.

A forked process runs the sender and kills itself before its n-th act, or just after it; an act is a statement to the
database or a call to the node. Just after a statement its transaction is open; before the next act it is committed.
Just after a statement that only reads is the same as before the next, so those are left out.
"""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection, connections

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
        self.acts += 1
        mine = self.acts == self.at
        if mine and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = act()
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def statement(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if self.after and sql.lstrip().upper().startswith("SELECT"):
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
    leadership = elect("sender")
    assert leadership is not None
    with ExitStack() as stack:
        node = stack.enter_context(DoomedNode(platform.url, chain_id=platform.node.chain_id))
        miner = stack.enter_context(Node(platform.url, chain_id=platform.node.chain_id))
        node.fate = fate
        sender = Sender(node)
        while TxIntent.objects.get(pk=intent.id).state not in ENDED:
            with connection.execute_wrapper(fate.statement):
                sender.step(leadership, clock.now())
            miner.call("anvil_mine", hex(FINALITY_BLOCKS))


class TestKilled:
    @pytest.mark.parametrize("after", [False, True], ids=["before each act", "after each act"])
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
        assert len(victims) > (15 if after else 30)
        for intent, recipient in victims:
            assert balance(chain_platform, recipient) == 1
            assert [topic for topic, _ in ends(intent)] == ["chain.intent_final"]
            assert TxAttempt.objects.filter(intent_id=intent.id).count() == 1
        assert set(TxIntent.objects.filter(kind="test").values_list("state", flat=True)) == {IntentState.FINAL}
        assert chain_nonce(chain_platform, SignerRole.AGENT) == first + len(victims)
