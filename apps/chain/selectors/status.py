"""How the chain room is doing, from the books alone: no node is asked."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count

from apps.chain.models import Signer, StreamCursor, TxIntent
from apps.chain.selectors import blocks
from apps.chain.selectors.endpoints import endpoints
from apps.chain.selectors.funds import low_on_ether
from apps.chain.selectors.stream import (
    Coverage,
    Reorganisations,
    coverage,
    open_letters,
    reorganisations,
    stream_status,
)
from apps.chain.types import ENDED, BlockView, EndpointView
from apps.core.metrics import counted


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """A signer, its next nonce, why it is frozen (empty if it is not), and whether it has too little ether."""

    role: str
    address: str
    next_nonce: int
    frozen_reason: str
    low_on_ether: bool


@dataclass(frozen=True, slots=True)
class CursorStatus:
    """How far a stream is, and the age of its block; `halted` says why it stopped for good."""

    name: str
    number: int
    hash: str
    halted: str
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Head and final block stored, streams, signers, the number of open intents by state; nodes and what they did.

    `lag_blocks` is what the highest node that is well has beyond us. `dead_letters_open` is counted up to a bound.
    """

    chain_id: int
    head: BlockView | None
    final: BlockView | None
    cursors: tuple[CursorStatus, ...]
    signers: tuple[SignerStatus, ...]
    open_intents: dict[str, int]
    halted: str
    lag_blocks: int
    lag_seconds: float | None
    endpoints: tuple[EndpointView, ...]
    coverage: Coverage
    reorganisations: Reorganisations
    dead_letters_open: int


def chain_status(now: datetime) -> ChainStatus:
    """The present status."""
    cursors = list(StreamCursor.objects.order_by("name"))
    times = {hash_: block.timestamp for hash_, block in blocks.blocks_by_hash([c.hash for c in cursors]).items()}
    stream, low = stream_status(now), low_on_ether()
    signers = Signer.objects.select_related("signernonce").order_by("role")
    counts = TxIntent.objects.exclude(state__in=ENDED).values_list("state").annotate(number=Count("id"))
    return ChainStatus(
        chain_id=settings.CHAIN_ID,
        head=blocks.head(),
        final=blocks.final_head(),
        cursors=tuple(
            CursorStatus(c.name, c.number, c.hash, c.halted, _seconds_since(times.get(c.hash), now)) for c in cursors
        ),
        signers=tuple(
            SignerStatus(s.role, s.address, s.signernonce.next, s.frozen_reason, s.role in low) for s in signers
        ),
        open_intents=dict(counts.order_by("state")),
        halted=stream.halted,
        lag_blocks=stream.lag_blocks,
        lag_seconds=stream.age_seconds,
        endpoints=tuple(endpoints()),
        coverage=coverage(),
        reorganisations=reorganisations(),
        dead_letters_open=counted(open_letters()),
    )


def _seconds_since(instant: datetime | None, now: datetime) -> float | None:
    return max((now - instant).total_seconds(), 0) if instant else None
