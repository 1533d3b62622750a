"""Reading the tree: its hashes, its heads, and proofs from them."""

from dataclasses import dataclass

from django.db.models import QuerySet

from apps.audit import tree
from apps.audit.errors import BeyondTheLog, NotSequencedYet
from apps.audit.models import AuditHead, AuditLeaf, AuditLog
from apps.audit.tree import split_hashes
from apps.core.db import fetch_all, fetch_one
from apps.core.errors import NotFound

LEAVES = """
    SELECT string_agg(hash, ''::bytea ORDER BY index) FROM audit_leaf_hash WHERE index >= %s AND index < %s
"""
TILES = "SELECT number, data FROM audit_tile WHERE level = %s AND number >= %s AND number < %s ORDER BY number"


class StoredNodes:
    """The hashes as they are stored, for apps.audit.tree."""

    def leaves(self, start: int, count: int) -> list[bytes]:
        """The hashes of `count` leaves. Raises LookupError where there are fewer."""
        row = fetch_one(LEAVES, [start, start + count])
        found = split_hashes(bytes(row[0])) if row and row[0] is not None else []
        if len(found) != count:
            raise LookupError("leaves are missing")
        return found

    def tiles(self, level: int, start: int, count: int) -> list[bytes]:
        """Of `count` tiles those before the first that is not kept."""
        found: list[bytes] = []
        for number, data in fetch_all(TILES, [level, start, start + count]):
            if number != start + len(found):
                break
            found.append(bytes(data))
        return found


@dataclass(frozen=True, slots=True)
class EventProof:
    """That an event is in the log: its text leads, by its hash and the path, to the signed root.

    `body` is None where the event has gone after its retention; its leaf stays.
    """

    event: int
    index: int
    body: str | None
    leaf_hash: bytes
    path: list[bytes]
    head: AuditHead


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the log of `first` leaves is the beginning of that of `second`."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    path: list[bytes]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for its number: for how many seconds the oldest that has committed, and whether its turn has come.

    Its turn has not come while a transaction that began to write before it still runs. `is_in_order` is false where
    the server counts transactions below those that are leaves already, as after a restore from a dump.
    """

    seconds: float
    is_ready: bool
    is_in_order: bool


def leaf_count() -> int:
    """How many leaves the tree has: those that are hashed."""
    row = fetch_one("SELECT index FROM audit_leaf_hash WHERE index >= 0 ORDER BY index DESC LIMIT 1")
    return row[0] + 1 if row else 0


def last_head() -> AuditHead | None:
    """The newest signed head."""
    return audit_heads().filter(size__gt=0).first()


def audit_heads() -> QuerySet[AuditHead]:
    """Signed heads with their keys, newest first."""
    return AuditHead.objects.select_related("key").order_by("-size")


def backlog() -> Backlog:
    """What waits for its number."""
    row = fetch_one(
        """WITH edge AS (SELECT xid, event FROM audit_leaf ORDER BY index DESC LIMIT 1), waiting AS (
               SELECT xid, created_at FROM audit_auditlog
               WHERE (xid, id) > (coalesce((SELECT xid FROM edge), '0'), coalesce((SELECT event FROM edge), 0))
               ORDER BY xid, id LIMIT 1)
           SELECT (SELECT extract(epoch FROM clock_timestamp() - created_at) FROM waiting),
                  (SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) FROM waiting),
                  (SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) FROM edge)"""
    )
    if row is None:
        raise RuntimeError("a select of scalars returns its row")
    seconds, is_ready, is_in_order = row
    return Backlog(max(float(seconds or 0), 0), bool(is_ready), is_in_order is not False)


def unhashed_seconds() -> float:
    """For how many seconds the oldest event has waited that has a number and no hash; 0 if there is none."""
    row = fetch_one(
        """SELECT extract(epoch FROM clock_timestamp() - e.created_at)
           FROM audit_leaf l JOIN audit_auditlog e ON e.id = l.event
           WHERE l.index = coalesce(
               (SELECT index + 1 FROM audit_leaf_hash WHERE index >= 0 ORDER BY index DESC LIMIT 1), 0)"""
    )
    return max(float(row[0]), 0) if row else 0


def event_proof(event_id: int, *, size: int | None = None) -> EventProof:
    """The proof of an event to the newest head, or to that of `size` leaves.

    Raises NotFound for no such event or head, NotSequencedYet where the head does not cover the event.
    """
    leaf = AuditLeaf.objects.filter(event=event_id).first()
    if leaf is None and not AuditLog.objects.filter(pk=event_id).exists():
        raise NotFound
    head = last_head() if size is None else audit_heads().filter(size=size).first()
    if head is None and size is not None:
        raise NotFound("There is no signed head of this size.")
    if leaf is None or head is None or leaf.index >= head.size:
        raise NotSequencedYet
    body = fetch_one("SELECT body FROM audit_text WHERE index = %s", [leaf.index])
    path = tree.inclusion_proof(StoredNodes(), leaf.index, head.size)
    (leaf_hash,) = StoredNodes().leaves(leaf.index, 1)
    return EventProof(event_id, leaf.index, body[0] if body else None, leaf_hash, path, head)


def consistency(first: int, second: int) -> Consistency:
    """The proof that nothing of the first `first` leaves had changed when there were `second`.

    Sizes need not be those of heads; roots are as they follow from what is stored. Raises BeyondTheLog for a size that
    no head has reached.
    """
    if not AuditHead.objects.filter(size__gte=second).exists():
        raise BeyondTheLog
    nodes = StoredNodes()
    roots = tree.range_root(nodes, 0, first), tree.range_root(nodes, 0, second)
    return Consistency(first, second, *roots, tree.consistency_proof(nodes, first, second))
