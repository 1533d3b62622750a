"""What operators see of the audit log."""

from collections.abc import Iterator

from apps.audit.selectors.anchors import last_anchor, waiting_since
from apps.audit.selectors.tree import backlog, last_head, leaf_count
from apps.audit.services.anchor_places import limits
from apps.core import clock
from apps.core.metrics import Sample, gauge

LAG = gauge(
    "bookentry_audit_lag_seconds", "Seconds the oldest committed audit event has waited for its leaf; 0 if none."
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
METRICS = (LAG, LEAVES, HEAD_SIZE, HEAD_AGE, ANCHOR_SIZE, ANCHOR_AGE, UNANCHORED)


def read_metrics() -> Iterator[Sample]:
    """How far the tree is behind the log, and the signature behind the tree."""
    head = last_head()
    yield LAG.sample(backlog().seconds)
    yield LEAVES.sample(leaf_count())
    yield HEAD_SIZE.sample(head.size if head else 0)
    yield HEAD_AGE.sample(max((clock.now() - head.at).total_seconds(), 0) if head else 0)
    yield from anchor_samples()


def anchor_samples() -> Iterator[Sample]:
    """Of each kind of place this installation anchors in."""
    now = clock.now()
    for kind in limits():
        last, since = last_anchor(kind), waiting_since(kind)
        yield ANCHOR_SIZE.sample(last.size if last else 0, kind=kind.value)
        if last is not None:
            yield ANCHOR_AGE.sample(max((now - last.anchored_at).total_seconds(), 0), kind=kind.value)
        yield UNANCHORED.sample(max((now - since).total_seconds(), 0) if since else 0, kind=kind.value)
