"""What operators see of keeping and expiring."""

from collections.abc import Iterator

from apps.audit.models import AuditExpiryRun, AuditHold
from apps.audit.types import Standing
from apps.core import clock
from apps.core.metrics import Sample, gauge

EXPIRED = gauge(
    "bookentry_audit_expired_events", "Events of the audit log that the last pass for expired ones removed."
)
HOLDS = gauge("bookentry_audit_holds_open", "Open legal holds on events of the audit log.")
PASS_AGE = gauge(
    "bookentry_audit_expiry_age_seconds", "Seconds since a pass for expired events came to its end; 0 before the first."
)
WAITING = gauge(
    "bookentry_audit_expiry_waiting", "Events past their period that stayed in the last pass, by why.", "standing"
)
METRICS = (EXPIRED, HOLDS, PASS_AGE, WAITING)
WHY = (Standing.NOT_ENDED, Standing.NOT_SIGNED, Standing.NOT_EXPORTED, Standing.NOT_ANCHORED, Standing.HELD)


def read_metrics() -> Iterator[Sample]:
    """What has gone, what waits, and when it was last looked at."""
    last = AuditExpiryRun.objects.exclude(ended_at=None).order_by("-ended_at").first()
    yield EXPIRED.sample(last.removed if last else 0)
    yield HOLDS.sample(AuditHold.objects.filter(released_at=None).count())
    yield PASS_AGE.sample(max((clock.now() - last.ended_at).total_seconds(), 0) if last and last.ended_at else 0)
    for standing in WHY:
        yield WAITING.sample(last.staying.get(standing.value, 0) if last else 0, standing=standing.value)
