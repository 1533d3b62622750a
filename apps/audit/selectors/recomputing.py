"""Going over the stored log anew: texts against leaves, leaves against tiles and heads, heads against keys.

In chunks, each statement by itself: no snapshot is held for long, since that would keep the sequencer's horizon back,
and of the log only the tree's right edge and one chunk of hashes are ever in memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import connection

from apps.audit.heads import Head, WrongSignature, key_id, verify_head
from apps.audit.models import AuditAnchor, AuditHead, AuditVerification
from apps.audit.selectors.tree import StoredNodes, audit_heads
from apps.audit.tree import Growth, Tile, split_hashes
from apps.audit.types import Fault, VerificationOutcome
from apps.core.db import fetch_all, fetch_one

CHUNK = 10_000
# So many places are asked for expiries at once.
WINDOW = 100 * CHUNK
# OFFSET 0 keeps the text from being written anew for each of the aggregates.
TEXTS = r"""
    SELECT count(*), string_agg(t.hash, ''::bytea ORDER BY t.index), min(t.index) FILTER (WHERE t.wrong),
        array_agg(t.index ORDER BY t.index) FILTER (WHERE t.wrong IS NULL)
    FROM (
        SELECT l.index, l.hash, l.hash <> sha256('\x00'::bytea || convert_to(l.body, 'UTF8')) AS wrong
        FROM audit_text l WHERE l.index >= %s AND l.index < %s OFFSET 0
    ) t
"""
FIRST_GAP = """
    SELECT n FROM generate_series(%s::bigint, %s::bigint - 1) n
    WHERE NOT EXISTS (SELECT FROM audit_leaf l JOIN audit_leaf_hash h ON h.index = l.index WHERE l.index = n)
    ORDER BY n LIMIT 1
"""
# An event of an earlier place that has no leaf was put there after the sequencer had gone by.
INSERTED = """
    WITH edge AS (
        SELECT coalesce((SELECT l.xid FROM audit_leaf l WHERE l.index = %(start)s - 1), '0') AS xid,
            coalesce((SELECT l.event FROM audit_leaf l WHERE l.index = %(start)s - 1), 0) AS event
    ), last AS (SELECT l.xid, l.event FROM audit_leaf l WHERE l.index = %(stop)s - 1)
    SELECT min(f.index) FROM (
        SELECT e.xid, e.id FROM audit_auditlog e
        WHERE (e.xid, e.id) > ((SELECT xid FROM edge), (SELECT event FROM edge))
            AND (e.xid, e.id) < ((SELECT xid FROM last), (SELECT event FROM last))
            AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event = e.id)
        ORDER BY e.xid, e.id LIMIT 1
    ) put JOIN audit_leaf f ON (f.xid, f.event) > (put.xid, put.id) AND f.index >= %(start)s AND f.index < %(stop)s
"""
# Ranges [first, stop) that signed events of expiry name, as far as they touch these places.
EXPIRED = """
    SELECT told.first::bigint, told.stop::bigint FROM (
        SELECT CASE WHEN json_typeof(r -> 0) = 'number' THEN (r ->> 0)::numeric END AS first,
            CASE WHEN json_typeof(r -> 1) = 'number' THEN (r ->> 1)::numeric END AS stop
        FROM audit_auditlog e, json_array_elements(
            CASE WHEN json_typeof(e.after -> 'ranges') = 'array' THEN e.after -> 'ranges' ELSE '[]' END) r
        WHERE e.action = 'audit.expired'
    ) told
    WHERE told.stop > %(start)s AND told.first < %(stop)s AND told.first >= 0 AND told.stop < 1e18 ORDER BY 1, 2
"""
FULL_TILES = "SELECT number, data FROM audit_tile WHERE level = %s AND number >= %s AND number <= %s"
# Of a tree of so many leaves: one that spans leaves there are not would be believed when it has grown.
TILE_BEYOND = """
    SELECT least(number * (256::numeric ^ (level + 1)), 1e15) FROM audit_tile
    WHERE level > 6 OR (number + 1) * (256::numeric ^ (level + 1)) > (SELECT max(index) + 1 FROM audit_leaf_hash)
    ORDER BY level, number LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event or leaf that is not as it was signed; with `stop`, some from `index` until before `stop`."""

    index: int
    fault: Fault
    stop: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk has come; `verified` is the place of the last head up to which all is right, with its root."""

    at: int
    verified: int
    root: bytes
    difference: Difference | None = None


@dataclass(slots=True)
class Walk:
    """Goes over the events [start, stop), the places of two heads, or 0 and one. Raises RuntimeError in a transaction.

    What lies before `start` is taken as it is stored; the first head after it shows whether the tree still holds it.
    """

    start: int
    stop: int
    chunk: int = CHUNK
    _tree: Growth = field(default_factory=Growth)
    _before: AuditHead | None = None
    _verified: tuple[int, bytes] = (0, b"")
    _expired: list[tuple[int, int]] = field(default_factory=list)
    _expired_to: int = 0

    def __iter__(self) -> Iterator[Progress]:
        """After each chunk; the first difference is the last that is told."""
        if connection.in_atomic_block:
            raise RuntimeError("the log is not gone over in a transaction: it would hold back the sequencer")
        found = self._begin()
        at = self.start
        while found is None and at < self.stop:
            end = min(at + self.chunk, self.stop)
            found = self._chunk(at, end)
            at = end
            yield Progress(at, *self._verified, found)
        if at == self.start:
            yield Progress(at, *self._verified, found)

    def _begin(self) -> Difference | None:
        if (beyond := fetch_one(TILE_BEYOND)) is not None:
            return Difference(int(beyond[0]), Fault.TILE)
        self._before = AuditHead.objects.order_by("size").first()
        self._verified = (0, self._tree.root())
        if not self.start:
            return None
        try:
            self._tree = Growth.load(StoredNodes(), self.start)
        except LookupError:
            return Difference(_first_gap(0, self.start), Fault.GAP)
        return self._heads(self.start, self.start, b"")

    def _chunk(self, start: int, stop: int) -> Difference | None:
        """The first difference of a chunk."""
        count, joined, edited, missing = fetch_one(TEXTS, [start, stop]) or (0, None, None, None)
        found = [Difference(edited, Fault.EDITED)] if edited is not None else []
        found += [Difference(index, Fault.REMOVED) for index in self._removed(missing or [])[:1]]
        if (inserted := fetch_one(INSERTED, {"start": start, "stop": stop})) and inserted[0] is not None:
            found.append(Difference(inserted[0], Fault.INSERTED))
        if count != stop - start:
            found.append(Difference(_first_gap(start, stop), Fault.GAP))
        exact = min(found, default=None, key=lambda each: each.index)
        if count != stop - start:
            return exact
        wrong = self._heads(start + 1, stop, bytes(joined))
        if exact is None or wrong is None:
            return exact or wrong
        # A stretch in which one event is known to be wrong is told by that event.
        return exact if exact.index < max(wrong.index, wrong.stop) else wrong

    def _removed(self, missing: list[int]) -> list[int]:
        """Those whose events have gone and did not expire; some may expire while we look."""
        for _ in range(2):
            if missing and missing[-1] >= self._expired_to:
                self._expired_to = missing[0] + WINDOW
                self._expired = _expired_ranges(missing[0], self._expired_to)
            missing = _outside(missing, self._expired)
            if not missing:
                break
            self._expired_to = 0
        return missing

    def _heads(self, first: int, last: int, joined: bytes) -> Difference | None:
        """Grow over the hashes up to each head of these sizes, and hold it against the tree; then over the rest."""
        hashes, base = split_hashes(joined), self._tree.size
        known = _known_roots(first, last)
        for head in audit_heads().filter(size__gte=first, size__lte=last).order_by("size"):
            if wrong := self._grow(hashes[self._tree.size - base : head.size - base]):
                return wrong
            if wrong := self._head(head, known.pop(head.size, None)):
                return wrong
        if known:
            return Difference(min(known), Fault.FORKED)
        return self._grow(hashes[self._tree.size - base :])

    def _head(self, head: AuditHead, known: bytes | None) -> Difference | None:
        """What is wrong with a head over the tree as it is now."""
        before, root = self._before, self._tree.root()
        since = before.size if before and before.size < head.size else 0
        if before and (head.log != before.log or head.at < before.at):
            return Difference(since, Fault.HEAD)
        if bytes(head.root) != root:
            return Difference(since, Fault.ROOT, head.size)
        if known is not None and known != root:
            return Difference(since, Fault.FORKED, head.size)
        if not is_signed(head):
            return Difference(since, Fault.SIGNATURE)
        self._before, self._verified = head, (head.size, root)
        return None

    def _grow(self, hashes: list[bytes]) -> Difference | None:
        """Take the hashes in; the first of the tiles that became full and is stored otherwise, or not at all."""
        full = sorted(self._tree.append(hashes), key=lambda tile: (tile.level, tile.number))
        for level in sorted({tile.level for tile in full}):
            row = [tile for tile in full if tile.level == level]
            stored = {n: bytes(data) for n, data in fetch_all(FULL_TILES, [level, row[0].number, row[-1].number])}
            for tile in row:
                if stored.get(tile.number) != tile.data:
                    return Difference(_first_leaf(tile), Fault.TILE)
        return None


def is_signed(head: AuditHead) -> bool:
    """Whether a head, read with its key, is signed by the key it names."""
    public = bytes(head.key.public_key)
    if key_id(public) != head.key_id:
        return False
    try:
        verify_head(Head(head.log, head.size, bytes(head.root), head.at), bytes(head.signature), public)
    except WrongSignature:
        return False
    return True


def is_expired(index: int) -> bool:
    """Whether an event `audit.expired` names this place."""
    return not unexplained([index])


def unexplained(missing: list[int]) -> list[int]:
    """Those of these places, in their order, that no event `audit.expired` names."""
    return _outside(missing, _expired_ranges(missing[0], missing[-1] + 1)) if missing else []


def _first_leaf(tile: Tile) -> int:
    return tile.number << (8 * (tile.level + 1))


def _first_gap(start: int, stop: int) -> int:
    row = fetch_one(FIRST_GAP, [start, stop])
    return row[0] if row else start


def _known_roots(first: int, last: int) -> dict[int, bytes]:
    """By size the roots that earlier runs saw, and those that were anchored."""
    rows = AuditVerification.objects.filter(outcome=VerificationOutcome.VERIFIED, stop__gte=first, stop__lte=last)
    anchored = AuditAnchor.objects.filter(size__gte=first, size__lte=last).values_list("size", "root")
    return {size: bytes(root) for size, root in (*rows.values_list("stop", "root"), *anchored) if root is not None}


def _expired_ranges(start: int, stop: int) -> list[tuple[int, int]]:
    """The ranges [first, stop) of the events `audit.expired` that touch these places, joined where they meet."""
    return list(_joined((first, end) for first, end in fetch_all(EXPIRED, {"start": start, "stop": stop})))


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    open_: tuple[int, int] | None = None
    for first, stop in ranges:
        if open_ and first <= open_[1]:
            open_ = open_[0], max(open_[1], stop)
            continue
        if open_:
            yield open_
        open_ = first, stop
    if open_:
        yield open_


def _outside(indexes: list[int], ranges: list[tuple[int, int]]) -> list[int]:
    """Of ascending indexes those in none of the ascending ranges."""
    left, at = [], 0
    for index in indexes:
        while at < len(ranges) and ranges[at][1] <= index:
            at += 1
        if at == len(ranges) or index < ranges[at][0]:
            left.append(index)
    return left
