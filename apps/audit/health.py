"""What operators see of the audit log."""

from collections.abc import Iterator

from apps.audit.selectors.tree import backlog, last_head, leaf_count
from apps.core import clock
from apps.core.metrics import Sample, gauge

LAG = gauge(
    "bookentry_audit_lag_seconds", "Seconds the oldest committed audit event has waited for its leaf; 0 if none."
)
LEAVES = gauge("bookentry_audit_leaves", "Leaves of the audit log's tree.")
HEAD_SIZE = gauge("bookentry_audit_head_size", "Leaves under the newest signed head.")
HEAD_AGE = gauge("bookentry_audit_head_age_seconds", "Seconds since the newest head was signed; 0 if there is none.")
METRICS = (LAG, LEAVES, HEAD_SIZE, HEAD_AGE)


def read_metrics() -> Iterator[Sample]:
    """How far the tree is behind the log, and the signature behind the tree."""
    head = last_head()
    yield LAG.sample(backlog().seconds)
    yield LEAVES.sample(leaf_count())
    yield HEAD_SIZE.sample(head.size if head else 0)
    yield HEAD_AGE.sample(max((clock.now() - head.at).total_seconds(), 0) if head else 0)
