"""What the calls from outside measure."""

from collections.abc import Iterator

from apps.core.metrics import Sample, counted, gauge
from apps.core.models import WorkItem
from apps.core.types import WorkState
from apps.core.webhooks.intake import KIND

PENDING = gauge("bookentry_webhooks_pending", "Outside parties' events that wait for their effect.")
DEAD = gauge("bookentry_webhooks_dead", "Outside parties' events set aside after failing five times.")
METRICS = (PENDING, DEAD)


def read_metrics() -> Iterator[Sample]:
    """Events by what became of them; those that had their effect are history and not counted."""
    work = WorkItem.objects.filter(kind=KIND)
    # Apart, since each state has its partial index and both together have none.
    yield PENDING.sample(sum(counted(work.filter(state=state)) for state in (WorkState.QUEUED, WorkState.LEASED)))
    yield DEAD.sample(counted(work.filter(state=WorkState.DEAD)))
