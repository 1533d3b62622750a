"""The sender: signs, sends and follows every transaction of ours to its end.

Each step commits before the next begins, so a crash anywhere costs a repetition and nothing else: bytes are stored
before they are sent, sending them again is harmless, and what became of them is read from the chain.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.endpoints.pool import Followed, Pool
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import StreamCursor, TxIntent
from apps.chain.selectors.blocks import STREAM
from apps.chain.services.broadcasting import BATCH, broadcast_signed
from apps.chain.services.bumping import bump_stuck
from apps.chain.services.confirming import find_receipts
from apps.chain.services.fees import read_head
from apps.chain.services.finalizing import end_finalized
from apps.chain.services.intents import CHANNEL
from apps.chain.services.signing import sign_next
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.daemon import Engine, Leadership

log = logging.getLogger(__name__)

OPEN = (IntentState.NONCED, IntentState.SIGNED, IntentState.BROADCAST, IntentState.MINED)


class Sender(Engine):
    """Takes intents from NONCED to their end."""

    name = "sender"
    channels = (CHANNEL,)

    def __init__(self, node: Node | None = None) -> None:
        """Asks `node` alone where one is passed in, and the best of the configured ones else."""
        self._node = node
        self._pool = Pool()
        self._refused: dict[UUID, datetime] = {}
        self._head = ""

    def lead(self, leadership: Leadership) -> None:
        """Forget what a former leadership remembered; everything else is in the database. Raises NoEndpoint."""
        self._refused.clear()
        self._head = ""
        if self._node is None:
            self._pool.begin(clock.now())

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """One round for all open intents; true if it moved any."""
        if not TxIntent.objects.filter(state__in=OPEN).exists():
            return False
        if self._node is None:
            return self._advance_with_best(leadership, now)
        try:
            return self._advance(self._node, NOBODY, leadership, now)
        except ChainUnavailable as error:
            log.warning("chain unavailable", extra={"engine": self.name, **error.context})
        except RpcError as error:
            log.warning("node refused", extra={"engine": self.name, "rpc_code": error.code})
        return False

    def _advance_with_best(self, leadership: Leadership, now: datetime) -> bool:
        def advance(found: Followed) -> bool:
            return self._advance(found.node, found.others, leadership, now)

        # What a node that lags does not know yet is not unknown: one as high as the books is asked, or nearly so.
        stored = StreamCursor.objects.filter(name=STREAM).values_list("number", flat=True).first()
        lag = settings.SECURITY.chain.endpoints.lag_blocks
        return self._pool.work(advance, now=now, at_least=None if stored is None else stored - lag)

    def _advance(self, node: Node, others: Others, leadership: Leadership, now: datetime) -> bool:
        head = read_head(node)
        signed = sign_next(node=node, head=head, refused=self._refused, leadership=leadership, now=now)
        signed += bump_stuck(node=node, head=head, leadership=leadership, now=now)
        broadcast_signed(node=node, head=head, leadership=leadership, now=now)
        mined = find_receipts(node=node, leadership=leadership, now=now)
        ended = 0
        if mined or head.hash != self._head:
            ended = end_finalized(node=node, others=others, leadership=leadership, now=now)
            self._head = head.hash if ended < BATCH else ""  # a full batch: more may have ended
        return bool(signed or mined or ended)
