"""Chain transactions of ours that came to no end, or not to the one expected."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.reconciliation.classifying.units import Unit
from apps.reconciliation.types import BreakKind, Finding

FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StaleIntent:
    """A transaction we meant to send, and how far it came."""

    id: str
    kind: str
    business_key: str
    state: str
    reason: str
    tx_hash: str
    created_at: datetime


def intent_findings(stale: Iterable[StaleIntent], held: Unit) -> Iterator[Finding]:
    """A break each."""
    for intent in stale:
        yield Finding(
            kind=BreakKind.STALE_INTENT,
            identity=f"{held.asset}:intent:{intent.id}",
            message=_message(intent),
            asset=held.asset,
            decimals=held.decimals,
            tx_hash=intent.tx_hash,
            details={
                "intent_id": intent.id,
                "intent_kind": intent.kind,
                "state": intent.state,
                "reason": intent.reason,
                "created_at": intent.created_at.isoformat(),
            },
        )


def _message(intent: StaleIntent) -> str:
    if intent.state == FAILED:
        said = f"succeeded in transaction {intent.tx_hash}, and the event it was sent for is not there"
    else:
        said = f"has been {intent.state} since {intent.created_at:%Y-%m-%d %H:%M} UTC and has come to no end"
    return f"Our transaction {intent.id} ({intent.kind}) {said}."
