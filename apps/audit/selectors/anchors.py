"""Reading anchors, and the heads that wait for one."""

from datetime import datetime

from apps.audit.heads import Head
from apps.audit.models import AuditAnchor, AuditHead
from apps.audit.types import Anchor, AnchorKind, SignedHead


def anchors_between(start: int, stop: int) -> list[Anchor]:
    """The anchors of heads of `start` to `stop` leaves, both included, by size."""
    return list(map(view, AuditAnchor.objects.filter(size__gte=start, size__lte=stop).order_by("size", "id")))


def last_anchor(kind: AnchorKind | None = None) -> Anchor | None:
    """The anchor of the largest head, of one kind or of any."""
    rows = AuditAnchor.objects.order_by("-size", "-id")
    row = (rows if kind is None else rows.filter(kind=kind)).first()
    return view(row) if row else None


def anchored_size() -> int:
    """How many leaves are under an anchor; 0 where there is none."""
    last = last_anchor()
    return last.size if last else 0


def is_recorded(*, place: str, reference: str) -> bool:
    """Whether this version of an object, or this transaction, is known as an anchor."""
    rows = AuditAnchor.objects.filter(place=place)
    return rows.filter(version_id=reference).exists() or rows.filter(tx_hash=reference).exists()


def newest_head() -> SignedHead | None:
    """The newest signed head, as it is anchored."""
    row = AuditHead.objects.filter(size__gt=0).order_by("-size").first()
    return signed(row) if row else None


def head_of(size: int) -> SignedHead | None:
    """The signed head of so many leaves."""
    row = AuditHead.objects.filter(size=size).first()
    return signed(row) if row else None


def waiting_since(kind: AnchorKind) -> datetime | None:
    """When the oldest head was signed that no anchor of this kind covers; None if all are."""
    last = last_anchor(kind)
    beyond = AuditHead.objects.filter(size__gt=last.size if last else 0).order_by("size")
    return beyond.values_list("at", flat=True).first()


def signed(row: AuditHead) -> SignedHead:
    """The head as other rooms see it."""
    head = Head(row.log, row.size, bytes(row.root), row.at)
    return SignedHead(row.size, row.log, head.root, row.at, head.line(row.key_id, bytes(row.signature)))


def view(row: AuditAnchor) -> Anchor:
    """The row as other rooms see it."""
    return Anchor(
        kind=AnchorKind(row.kind),
        size=row.size,
        log=row.log,
        root=bytes(row.root),
        place=row.place,
        reference=row.version_id or row.tx_hash or "",
        digest=bytes(row.digest),
        anchored_at=row.anchored_at,
        retained_until=row.retained_until,
    )
