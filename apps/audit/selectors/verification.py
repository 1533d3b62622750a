"""What verifications found, and the state of the log as officers read it."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Value

from apps.audit.models import AuditHead, AuditVerification
from apps.audit.selectors.anchors import last_anchor
from apps.audit.selectors.tree import last_head, unhashed_seconds
from apps.audit.types import Anchor, VerificationKind, VerificationOutcome
from apps.core.db import fetch_one

# Waiting events are counted up to here.
COUNTED = 10_000
NOW = """
    WITH edge AS (SELECT index, xid, event FROM audit_leaf ORDER BY index DESC LIMIT 1), waiting AS (
        SELECT xid, created_at FROM audit_auditlog
        WHERE (xid, id) > (coalesce((SELECT xid FROM edge), '0'), coalesce((SELECT event FROM edge), 0))
        ORDER BY xid, id LIMIT %s + 1)
    SELECT coalesce((SELECT index + 1 FROM edge), 0), (SELECT count(*) FROM waiting),
        greatest((SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM waiting), 0),
        coalesce((SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) FROM waiting ORDER BY xid LIMIT 1), true),
        coalesce((SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) FROM edge), true)
"""


@dataclass(frozen=True, slots=True)
class LogState:
    """How far the log is numbered, signed and verified, at this moment.

    `waiting` is how many events have no number, counted up to COUNTED + 1, and `lag` for how many seconds the oldest
    has waited for that, or for its hash; `is_held` says that a transaction that began before it has not ended,
    `is_in_order` is Backlog's. `unsigned` are leaves under no head. `failure` is one that no later run found mended.
    """

    head: AuditHead | None
    leaves: int
    waiting: int
    lag: float
    is_held: bool
    is_in_order: bool
    last: AuditVerification | None
    last_full: AuditVerification | None
    failure: AuditVerification | None
    anchor: Anchor | None

    @property
    def unsigned(self) -> int:
        """Leaves under no head yet."""
        return max(self.leaves - (self.head.size if self.head else 0), 0)

    @property
    def is_late(self) -> bool:
        """Whether an event waits longer than the policy allows."""
        return self.lag > settings.SECURITY.audit.signing.lag_seconds

    @property
    def waiting_shown(self) -> str:
        """The number, or that there are more than were counted."""
        return f"{COUNTED:,}+" if self.waiting > COUNTED else f"{self.waiting:,}"


def log_state() -> LogState:
    """The state of the log. What is read is not of one instant: it changes as one looks."""
    leaves, waiting, lag, is_ready, is_in_order = fetch_one(NOW, [COUNTED]) or (0, 0, 0, True, True)
    full = verifications().filter(kind=VerificationKind.FULL)
    asked = {"last": verifications(), "full": full, "failure": standing_failures()}
    first, *others = (rows.annotate(found_as=Value(name))[:1] for name, rows in asked.items())
    runs = {vars(run)["found_as"]: run for run in first.union(*others, all=True)}
    return LogState(
        head=last_head(),
        leaves=leaves,
        waiting=waiting,
        lag=max(float(lag or 0), unhashed_seconds()),
        is_held=not is_ready,
        is_in_order=is_in_order,
        last=runs.get("last"),
        last_full=runs.get("full"),
        failure=runs.get("failure"),
        anchor=last_anchor(),
    )


def verifications() -> QuerySet[AuditVerification]:
    """Runs, the newest first."""
    return AuditVerification.objects.order_by("-id")


def passed(*kinds: VerificationKind) -> QuerySet[AuditVerification]:
    """Runs of these kinds that found all well, the newest first."""
    return verifications().filter(kind__in=kinds, outcome=VerificationOutcome.VERIFIED)


def standing_failure() -> AuditVerification | None:
    """The failure of the lowest place that stands."""
    return standing_failures().first()


def standing_failures() -> QuerySet[AuditVerification]:
    """Failures whose place no later run has gone over and found good, the lowest first."""
    mended = AuditVerification.objects.filter(
        id__gt=OuterRef("id"),
        outcome=VerificationOutcome.VERIFIED,
        start__lte=OuterRef("bad_index"),
        stop__gt=OuterRef("bad_index"),
    )
    failed = AuditVerification.objects.filter(~Exists(mended), outcome=VerificationOutcome.FAILED)
    return failed.order_by("bad_index", "id")


def verified_to() -> int:
    """The place up to which runs over what is new have come without a failure that still stands."""
    last, failure = passed(VerificationKind.NEW).first(), standing_failure()
    reached = last.stop if last else 0
    return min(reached, failure.bad_index or 0) if failure else reached


def full_run_from() -> int:
    """Where the next run over the whole log goes on: at its beginning, unless the last one ran out of time."""
    last = verifications().filter(kind=VerificationKind.FULL).first()
    if last is None or last.outcome != VerificationOutcome.VERIFIED or last.stop >= last.head_size:
        return 0
    return last.stop
