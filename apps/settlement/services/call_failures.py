"""A settlement call that came to nothing as a whole: a consumer of the outbox."""

from datetime import datetime
from uuid import UUID

from apps.chain.selectors.blocks import final_head
from apps.core import clock
from apps.core.db import within_unit_of_work
from apps.core.registry import Event
from apps.settlement.models import SettlementInstruction
from apps.settlement.reasons import LONGEST, Failure
from apps.settlement.services.sending import SETTLE
from apps.settlement.services.status import mark_failed
from apps.settlement.types import CALL_FAILED, Reason


@within_unit_of_work
def on_intent_failed(event: Event) -> None:
    """Put back what a failed settle() call carried."""
    if event.payload.get("kind") == SETTLE:
        reason = str(event.payload.get("reason") or "UNKNOWN")
        put_back(intent_id=UUID(str(event.payload["intent_id"])), reason=reason, now=clock.now())


@within_unit_of_work
def put_back(*, intent_id: UUID, reason: str, now: datetime) -> int:
    """Free the instructions an ended intent carried, to be tried again or given up; how many. Again: none."""
    carried = SettlementInstruction.objects.filter(open_intent_id=intent_id).order_by("id")
    rows = list(carried.select_for_update(of=("self",), no_key=True))
    head = final_head()
    failure = Failure(Reason.OTHR, f"{CALL_FAILED}: {reason}"[:LONGEST])
    for row in rows:
        mark_failed(row=row, failure=failure, chain_time=head.timestamp if head else now, now=now)
    return len(rows)
