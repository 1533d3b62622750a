"""The sender: signs, sends and follows every transaction of ours to its end.

Each step commits before the next begins, so a crash anywhere costs a repetition and nothing else: bytes are stored
before they are sent, sending them again is harmless, and what became of them is read from the chain.
"""

import logging
from datetime import datetime
from uuid import UUID

from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import TxIntent
from apps.chain.services.broadcasting import BATCH, broadcast_signed
from apps.chain.services.bumping import bump_stuck
from apps.chain.services.confirming import find_receipts
from apps.chain.services.fees import read_head
from apps.chain.services.finalizing import end_finalized
from apps.chain.services.intents import CHANNEL
from apps.chain.services.nodes import default_node
from apps.chain.services.signing import sign_next
from apps.chain.types import IntentState
from apps.core.daemon import Engine, Leadership

log = logging.getLogger(__name__)

OPEN = (IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST, IntentState.MINED)


class Sender(Engine):
    """Takes intents from NONCED to their end."""

    name = "sender"
    channels = (CHANNEL,)

    def __init__(self, node: Node | None = None) -> None:
        self._node = node or default_node()
        self._refused: dict[UUID, datetime] = {}
        self._head = ""

    def lead(self, leadership: Leadership) -> None:
        """Forget what a former leadership remembered; everything else is in the database."""
        self._refused.clear()
        self._head = ""

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """One round for all open intents; true if it moved any."""
        if not TxIntent.objects.filter(state__in=OPEN).exists():
            return False
        try:
            return self._advance(leadership, now)
        except ChainUnavailable as error:
            log.warning("chain unavailable", extra={"engine": self.name, **error.context})
        except RpcError as error:
            log.warning("node refused", extra={"engine": self.name, "rpc_code": error.code})
        return False

    def _advance(self, leadership: Leadership, now: datetime) -> bool:
        node = self._node
        head = read_head(node)
        signed = sign_next(node=node, head=head, refused=self._refused, leadership=leadership, now=now)
        signed += bump_stuck(node=node, head=head, leadership=leadership, now=now)
        broadcast_signed(node=node, head=head, leadership=leadership, now=now)
        mined = find_receipts(node=node, leadership=leadership, now=now)
        ended = 0
        if mined or head.hash != self._head:
            ended = end_finalized(node=node, leadership=leadership, now=now)
            self._head = head.hash if ended < BATCH else ""  # a full batch: more may have ended
        return bool(signed or mined or ended)
