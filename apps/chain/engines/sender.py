"""The sender: signs, sends and follows every transaction of ours to its end.

Each step commits before the next begins, so a crash anywhere costs a repetition and nothing else: bytes are stored
before they are sent, sending them again is harmless, and what became of them is read from the chain.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.chain.endpoints.others import NOBODY, Others
from apps.chain.endpoints.pool import Followed, Pool
from apps.chain.errors import ChainUnavailable, RpcError
from apps.chain.gateway import Node
from apps.chain.models import StreamCursor, TxIntent
from apps.chain.selectors import blocks
from apps.chain.selectors.blocks import STREAM
from apps.chain.services.approving import release_approved
from apps.chain.services.broadcasting import broadcast_signed
from apps.chain.services.bumping import Passed, bump_stuck
from apps.chain.services.claims import sign_claims
from apps.chain.services.confirming import find_receipts, look_for_lost
from apps.chain.services.ending import AT_ONCE, end_final
from apps.chain.services.fees import Head, read_head
from apps.chain.services.finality import CHANNEL as BLOCKS
from apps.chain.services.freezing import Suspicions
from apps.chain.services.intents import CHANNEL
from apps.chain.services.obeying import obey, release_signers, releases
from apps.chain.services.signing import sign_next
from apps.chain.services.watching_funds import FundsWatch, look_at_funds
from apps.chain.services.watching_sending import SendingWatch
from apps.chain.types import IntentState
from apps.core import clock
from apps.core.daemon import Engine, Leadership

log = logging.getLogger(__name__)

OFTEN = timedelta(seconds=1)
Work = Callable[[Node, Others], bool]
OPEN = (
    IntentState.NONCED,
    IntentState.SIGNED,
    IntentState.BROADCAST,
    IntentState.MINED,
    IntentState.SAFE,
)


@dataclass(slots=True)
class Memory:
    """What the sender remembers between steps; all of it may be forgotten."""

    refused: dict[UUID, datetime] = field(default_factory=dict)
    suspicions: Suspicions = field(default_factory=Suspicions)
    passed: Passed = field(default_factory=Passed)
    head: str = ""
    asked: set[UUID] = field(default_factory=set)  # of what was not in a block at this head
    looked_at: datetime | None = None  # for what the pool lost
    priced: tuple[str, datetime] | None = None  # at which head, and when
    stream: tuple[str, int | None] = ("", None)  # cursor and final block, as last seen

    def reached(self, head: Head) -> None:
        """With a new head everything is worth asking again."""
        if head.hash != self.head:
            self.head = head.hash
            self.asked.clear()


class Sender(Engine):
    """Takes intents from NONCED to their end."""

    name = "sender"
    channels = (CHANNEL, BLOCKS)

    def __init__(self, node: Node | None = None) -> None:
        """Asks `node` alone where one is passed in, and the best of the configured ones else."""
        self._node = node
        self._pool = Pool()
        self._memory = Memory()
        self._watch = SendingWatch()
        self._funds = FundsWatch()

    def lead(self, leadership: Leadership) -> None:
        """Forget what a former leadership remembered; everything else is in the database. Raises NoEndpoint."""
        self._memory = Memory()
        self._watch.forget()
        self._funds.forget()
        if self._node is None:
            self._pool.begin(clock.now())

    def step(self, leadership: Leadership, now: datetime) -> bool:
        """One round for all open intents; true if it moved any."""
        self._watch.look(leadership, now)
        begun = sign_claims(leadership=leadership, now=now) + release_approved(leadership=leadership)
        if self._funds.is_due(now):
            self._with_node(lambda node, _: self._look_at_funds(node, leadership, now), now)
        return self._send(leadership, now) or begun > 0

    def _send(self, leadership: Leadership, now: datetime) -> bool:
        if not TxIntent.objects.filter(state__in=OPEN).exists() and not releases().exists():
            return False
        return self._with_node(lambda node, others: self._advance(node, others, leadership, now), now)

    def _with_node(self, do: Work, now: datetime) -> bool:
        """What `do` returns for the node there is, or the best one; false where none answers."""
        if self._node is None:
            return self._with_best(do, now)
        try:
            return do(self._node, NOBODY)
        except ChainUnavailable as error:
            log.warning("chain unavailable", extra={"engine": self.name, **error.context})
        except RpcError as error:
            log.warning("node refused", extra={"engine": self.name, "rpc_code": error.code})
        return False

    def _with_best(self, do: Work, now: datetime) -> bool:
        def work(found: Followed) -> bool:
            return do(found.node, found.others)

        # What a node that lags does not know yet is not unknown: one as high as the books is asked, or nearly so.
        stored = StreamCursor.objects.filter(name=STREAM).values_list("number", flat=True).first()
        lag = settings.SECURITY.chain.endpoints.lag_blocks
        return self._pool.work(work, now=now, at_least=None if stored is None else stored - lag)

    def _look_at_funds(self, node: Node, leadership: Leadership, now: datetime) -> bool:
        look_at_funds(node=node, leadership=leadership, now=now)
        return False

    def _advance(self, node: Node, others: Others, leadership: Leadership, now: datetime) -> bool:
        memory, head = self._memory, read_head(node)
        memory.reached(head)
        mined = find_receipts(node=node, leadership=leadership, asked=memory.asked)
        signed = obey(node=node, head=head, leadership=leadership, now=now)
        signed += sign_next(node=node, head=head, refused=memory.refused, leadership=leadership, now=now)
        signed += self._bump(node, head, leadership, now)
        sent = broadcast_signed(
            node=node, head=head, leadership=leadership, now=now, others=others, suspicions=memory.suspicions
        )
        if sent:
            memory.reached(read_head(node))
            mined += find_receipts(node=node, leadership=leadership, asked=memory.asked)
        self._look_for_lost(node, others, leadership, now)
        release_signers(node=node, others=others, leadership=leadership, now=now)
        ended = self._end(node, leadership, now, mined=mined)
        return bool(signed or mined or ended)

    def _bump(self, node: Node, head: Head, leadership: Leadership, now: datetime) -> int:
        """Once for each head, and once a second."""
        at = self._memory.priced
        if at is not None and at[0] == head.hash and abs(now - at[1]) < OFTEN:
            return 0
        self._memory.priced = head.hash, now
        return bump_stuck(node=node, head=head, passed=self._memory.passed, leadership=leadership, now=now)

    def _look_for_lost(self, node: Node, others: Others, leadership: Leadership, now: datetime) -> None:
        """As often as a pool may be given to lose something, and no oftener."""
        pause, last = timedelta(seconds=settings.SECURITY.chain.sending.lost_after_seconds), self._memory.looked_at
        if last is not None and abs(now - last) < pause / 2:
            return
        self._memory.looked_at = now
        suspicions = self._memory.suspicions
        look_for_lost(node=node, others=others, suspicions=suspicions, leadership=leadership, now=now)

    def _end(self, node: Node, leadership: Leadership, now: datetime, *, mined: int) -> int:
        """Worth it when the stream has moved, or something was mined that it may have passed."""
        at = blocks.stream()
        stream = (at.hash, at.final_number) if at else ("", None)
        moved = stream != self._memory.stream
        if not moved and not mined:
            return 0
        ended = end_final(node=node, leadership=leadership, now=now, orphans=moved)
        self._memory.stream = stream if ended < AT_ONCE else ("", None)  # a full batch: more may have ended
        return ended
