"""How the chain room is doing, from the books alone: no node is asked."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count

from apps.chain.models import Signer, StreamCursor, TxIntent
from apps.chain.selectors import blocks
from apps.chain.types import ENDED, BlockView


@dataclass(frozen=True, slots=True)
class SignerStatus:
    """A signer, the nonce its next intent will get, and why it is frozen (empty if it is not)."""

    role: str
    address: str
    next_nonce: int
    frozen_reason: str


@dataclass(frozen=True, slots=True)
class CursorStatus:
    """How far a stream is; `halted` says why it stopped for good."""

    name: str
    number: int
    hash: str
    halted: str


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Head and final block stored, streams, signers, and the number of open intents by state."""

    chain_id: int
    head: BlockView | None
    final: BlockView | None
    cursors: tuple[CursorStatus, ...]
    signers: tuple[SignerStatus, ...]
    open_intents: dict[str, int]


def chain_status() -> ChainStatus:
    """The present status."""
    cursors = StreamCursor.objects.order_by("name")
    signers = Signer.objects.select_related("signernonce").order_by("role")
    counts = TxIntent.objects.exclude(state__in=ENDED).values_list("state").annotate(number=Count("id"))
    return ChainStatus(
        chain_id=settings.CHAIN_ID,
        head=blocks.head(),
        final=blocks.final_head(),
        cursors=tuple(CursorStatus(c.name, c.number, c.hash, c.halted) for c in cursors),
        signers=tuple(SignerStatus(s.role, s.address, s.signernonce.next, s.frozen_reason) for s in signers),
        open_intents=dict(counts.order_by("state")),
    )
