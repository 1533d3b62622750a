"""Anchoring: which head is due, and writing down what is known to be kept elsewhere."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from apps.audit.errors import LogDiffers
from apps.audit.heads import read_line
from apps.audit.models import AuditAnchor
from apps.audit.selectors.anchors import last_anchor, newest_head
from apps.audit.selectors.tree import StoredNodes, leaf_count
from apps.audit.tree import range_root
from apps.audit.types import Anchor, AnchorKind, SignedHead
from apps.core.db import within_unit_of_work


def due_head(kind: AnchorKind, *, every_seconds: int, now: datetime) -> SignedHead | None:
    """The newest head, if it has no anchor of this kind and the last one is old enough.

    Raises LogDiffers, whether one is due or not, where the log is not the one of the last anchor.
    """
    last, head = last_anchor(kind), newest_head()
    if last is not None:
        require_same_log(last.size, last.root)
    if head is None or (last is not None and head.size <= last.size):
        return None
    return head if last is None or is_over(last, every_seconds, now) else None


def is_over(last: Anchor, every_seconds: int, now: datetime) -> bool:
    """Whether the pause after an anchor is over; it is, too, where the clock was set back."""
    return not last.anchored_at <= now < last.anchored_at + timedelta(seconds=every_seconds)


def require_same_log(size: int, root: bytes, *, counted: Callable[[], int] = leaf_count) -> None:
    """Raise LogDiffers unless the first `size` leaves are stored and have this root."""
    leaves = counted()
    if leaves < size:
        raise LogDiffers(f"the log of {leaves} events was anchored with {size}: it was cut or rolled back")
    try:
        found = range_root(StoredNodes(), 0, size)
    except LookupError:
        raise LogDiffers(f"leaves among the first {size}, which were anchored, are missing") from None
    if found != root:
        raise LogDiffers(f"the first {size} events are not those that were anchored")


@within_unit_of_work
def record_anchor(
    *,
    kind: AnchorKind,
    line: bytes,
    place: str,
    reference: str,
    retained_until: datetime | None = None,
    now: datetime,
) -> None:
    """Write down that this line of a head is kept in a place, once: the caller has seen that it is, and stays.

    `reference` is the version's id in S3, the transaction's hash on a chain. Raises ValueError for no line of a head.
    """
    head, _key, _signature = read_line(line)
    of_s3 = kind is AnchorKind.S3
    row = AuditAnchor(
        kind=kind,
        size=head.size,
        log=head.log,
        root=head.root,
        place=place,
        version_id=reference if of_s3 else None,
        tx_hash=None if of_s3 else reference,
        digest=sha256(line).digest(),
        anchored_at=now,
        retained_until=retained_until,
    )
    AuditAnchor.objects.bulk_create([row], ignore_conflicts=True)
