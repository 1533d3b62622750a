"""What operators see of the audit log."""

from collections.abc import Iterator
from datetime import datetime

from apps.audit.models import AuditHead
from apps.audit.selectors.anchors import last_anchor, waiting_since
from apps.audit.selectors.tree import backlog, last_head, leaf_count, unhashed_seconds
from apps.audit.selectors.verification import passed, standing_failure, verified_to
from apps.audit.services.anchor_places import limits
from apps.audit.types import VerificationKind
from apps.core import clock
from apps.core.metrics import Sample, gauge

LAG = gauge(
    "bookentry_audit_lag_seconds",
    "Seconds the oldest committed audit event has waited for its number or its hash; 0 if none.",
)
LEAVES = gauge("bookentry_audit_leaves", "Leaves of the audit log's tree.")
HEAD_SIZE = gauge("bookentry_audit_head_size", "Leaves under the newest signed head.")
HEAD_AGE = gauge("bookentry_audit_head_age_seconds", "Seconds since the newest head was signed; 0 if there is none.")
ANCHOR_SIZE = gauge(
    "bookentry_audit_anchor_size", "Leaves under the last anchored head, by kind of place; 0 if none.", "kind"
)
ANCHOR_AGE = gauge(
    "bookentry_audit_anchor_age_seconds", "Seconds since a head was last anchored; absent before the first.", "kind"
)
UNANCHORED = gauge(
    "bookentry_audit_unanchored_seconds", "Seconds the oldest head that no anchor covers has waited; 0 if none.", "kind"
)
VERIFIED_AGE = gauge(
    "bookentry_audit_verified_age_seconds",
    "Seconds since a verification of the stored log passed, by kind (new, full); since the first head if none did.",
    "kind",
)
VERIFIED_TO = gauge("bookentry_audit_verified_to", "Leaves up to which the stored log was verified as it grew.")
VERIFICATION_FAILS = gauge(
    "bookentry_audit_verification_fails", "1 while a verification has found the log changed, and none found it mended."
)
METRICS = (
    *(LAG, LEAVES, HEAD_SIZE, HEAD_AGE),
    *(ANCHOR_SIZE, ANCHOR_AGE, UNANCHORED),
    *(VERIFIED_AGE, VERIFIED_TO, VERIFICATION_FAILS),
)


def read_metrics() -> Iterator[Sample]:
    """How far the tree is behind the log, and the signature behind the tree."""
    head = last_head()
    yield LAG.sample(max(backlog().seconds, unhashed_seconds()))
    yield LEAVES.sample(leaf_count())
    yield HEAD_SIZE.sample(head.size if head else 0)
    yield HEAD_AGE.sample(_age(head.at if head else None))
    first = AuditHead.objects.filter(size__gt=0).order_by("size").values_list("at", flat=True).first()
    for kind in (VerificationKind.NEW, VerificationKind.FULL):
        last = passed(kind).values_list("at", flat=True).first()
        yield VERIFIED_AGE.sample(_age(last or first), kind=kind.value.lower())
    yield VERIFIED_TO.sample(verified_to())
    yield VERIFICATION_FAILS.sample(standing_failure() is not None)
    yield from anchor_samples()


def anchor_samples() -> Iterator[Sample]:
    """Of each kind of place this installation anchors in."""
    for kind in limits():
        last, since = last_anchor(kind), waiting_since(kind)
        yield ANCHOR_SIZE.sample(last.size if last else 0, kind=kind.value)
        if last is not None:
            yield ANCHOR_AGE.sample(_age(last.anchored_at), kind=kind.value)
        yield UNANCHORED.sample(_age(since), kind=kind.value)


def _age(moment: datetime | None) -> float:
    """Seconds since then; 0 for never."""
    return max((clock.now() - moment).total_seconds(), 0) if moment else 0
