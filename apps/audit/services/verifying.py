"""Verifying anchors: what stands elsewhere, against our books and the log as it is now, hashed anew from its texts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from apps.audit.errors import NothingThere, PlaceDisagrees, PlaceError
from apps.audit.heads import Head, WrongSignature, read_line, verify_head
from apps.audit.models import AuditAnchor, AuditSigningKey
from apps.audit.selectors.anchors import head_of, view
from apps.audit.selectors.recomputing import unexplained
from apps.audit.selectors.tree import StoredNodes, leaf_count
from apps.audit.services.anchor_places import AnchorPlace, anchor_places, fetch_anchor
from apps.audit.tree import Growth, range_root, split_hashes
from apps.audit.types import Anchor, AnchorKind
from apps.core.db import fetch_one

CHUNK = 10_000
# Of a kind of fault, more say no more.
MOST = 20
# An event that went after its retention leaves its leaf. Materialized, so that no text is written or hashed twice.
TEXTS = """
    WITH text AS MATERIALIZED (
        SELECT index, hash, body FROM audit_text WHERE index >= %s AND index < %s
    ), said AS MATERIALIZED (
        SELECT index, hash, body IS NULL AS is_gone,
            coalesce(sha256('\\x00'::bytea || convert_to(body, 'UTF8')), hash) AS now
        FROM text
    )
    SELECT string_agg(now, ''::bytea ORDER BY index), array_agg(index ORDER BY index) FILTER (WHERE now <> hash),
        array_agg(index ORDER BY index) FILTER (WHERE is_gone)
    FROM said
"""


class Fault(StrEnum):
    """What is wrong. All but UNREACHABLE are evidence."""

    GONE = "gone"
    ALTERED = "altered"
    UNLOCKED = "unlocked"
    FOREIGN = "foreign"
    BOOKS = "books"
    EDITED = "edited"
    REMOVED = "removed"
    TRUNCATED = "truncated"
    FORKED = "forked"
    TILES = "tiles"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `where` is an anchor's place, or the log."""

    fault: Fault
    where: str
    text: str


@dataclass(slots=True)
class Verified:
    """What was looked at, and what is wrong. `expired` events have gone; their leaves were hashed in their place."""

    anchors: int = 0
    events: int = 0
    expired: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_tampered(self) -> bool:
        """Whether anything is evidence."""
        return any(found.fault is not Fault.UNREACHABLE for found in self.findings)

    def add(self, fault: Fault, where: str, text: str) -> None:
        """One more, if it says more."""
        if sum(found.fault is fault for found in self.findings) < MOST:
            self.findings.append(Finding(fault, where, text))


@dataclass(frozen=True, slots=True)
class _Point:
    """The log had these leaves, says `where`."""

    size: int
    root: bytes
    where: str


Told = Callable[[str, int, int], object]


def verify_anchors(
    *, places: Mapping[AnchorKind, AnchorPlace] | None = None, last: int | None = None, told: Told = lambda *_: None
) -> Verified:
    """Fetch the anchors (the `last` ones only, if given) and hash the log anew; what was found.

    `told` hears (what, how many, of how many). What the bucket holds and our books do not know is looked at, too.
    """
    places, done = anchor_places() if places is None else places, Verified()
    points = [*_recorded(places, last, told, done), *_unrecorded(places, done)]
    _walk(sorted(points, key=lambda point: point.size), told, done)
    return done


def _recorded(
    places: Mapping[AnchorKind, AnchorPlace], last: int | None, told: Told, done: Verified
) -> Iterator[_Point]:
    newest = AuditAnchor.objects.order_by("-size", "-id")
    rows = list(newest if last is None else newest[:last])
    for number, row in enumerate(reversed(rows), 1):
        anchor = view(row)
        where = f"{anchor.place} ({anchor.reference})"
        _look_at(anchor, where, places, done)
        yield _Point(anchor.size, anchor.root, where)
        done.anchors += 1
        told("anchors", number, len(rows))


def _look_at(anchor: Anchor, where: str, places: Mapping[AnchorKind, AnchorPlace], done: Verified) -> None:
    """Its place against our books."""
    try:
        line = fetch_anchor(anchor, places)
    except PlaceError as error:
        done.add(_fault(error), where, f"the anchor of {anchor.size} events: {error.words}")
        return
    own = head_of(anchor.size)
    try:
        head = _signed(line)
    except ValueError as error:
        done.add(Fault.ALTERED, where, f"the anchor of {anchor.size} events {error}")
        return
    if sha256(line).digest() != anchor.digest or (head.size, head.root, head.log) != (
        anchor.size,
        anchor.root,
        anchor.log,
    ):
        done.add(Fault.BOOKS, where, f"our books say otherwise of the anchor of {head.size} events than its place")
    if own is None or own.line != line:
        state = "gone from" if own is None else "another one in"
        done.add(Fault.BOOKS, where, f"the head of {head.size} events that was anchored is {state} our books")


def _signed(line: bytes) -> Head:
    """The head of a line. Raises ValueError with what is wrong of it."""
    try:
        head, key, signature = read_line(line)
    except ValueError:
        raise ValueError("is no line of a head") from None
    public = AuditSigningKey.objects.filter(pk=key).first()
    if public is None:
        raise ValueError("is signed with a key our books do not know")
    try:
        verify_head(head, signature, bytes(public.public_key))
    except WrongSignature:
        raise ValueError("is not signed with the key it names") from None
    return head


def _fault(error: PlaceError) -> Fault:
    if isinstance(error, NothingThere):
        return Fault.GONE
    if not isinstance(error, PlaceDisagrees):
        return Fault.UNREACHABLE
    return Fault.UNLOCKED if error.reason.startswith("retention") else Fault.ALTERED


def _unrecorded(places: Mapping[AnchorKind, AnchorPlace], done: Verified) -> Iterator[_Point]:
    """A rollback of the database takes our books of anchors with it; their places know better."""
    for kind, place in places.items():
        try:
            for found in place.unrecorded():
                if found.error is not None:
                    done.add(Fault.FOREIGN, found.place, f"not in our books: {found.error.words}")
                    continue
                head, _key, _signature = read_line(found.line)
                yield _Point(head.size, head.root, found.place)
                done.anchors += 1
        except PlaceError as error:
            done.add(Fault.UNREACHABLE, kind.label, f"what stands there besides our anchors is unknown: {error.words}")


def _walk(points: list[_Point], told: Told, done: Verified) -> None:
    """Hash the log anew, and hold each anchor's root against it."""
    count = leaf_count()
    reached = [point for point in points if point.size <= count]
    tree, good, end = Growth(), 0, reached[-1].size if reached else 0
    for point in reached:
        while tree.size < point.size:
            if not _grow(tree, min(CHUNK, point.size - tree.size), done):
                return
            told("events", tree.size, end)
        good = _compare(tree, point, good, done)
    for point in points[len(reached) :]:
        text = f"the log has {count} events, and was anchored with {point.size}: it was cut or rolled back"
        done.add(Fault.TRUNCATED, point.where, text)


def _grow(tree: Growth, number: int, done: Verified) -> bool:
    """Add so many leaves, from the texts of their events; false if some are missing."""
    start = tree.size
    row = fetch_one(TEXTS, [start, start + number])
    hashes = split_hashes(bytes(row[0])) if row and row[0] is not None else []
    if row is None or len(hashes) != number:
        done.add(Fault.FORKED, "the log", f"leaves are missing among {start}..{start + number - 1}")
        return False
    for index in row[1] or []:
        done.add(Fault.EDITED, "the log", f"the text of event {index} is not the one that its leaf was made of")
    for index in unexplained(row[2] or []):
        done.add(Fault.REMOVED, "the log", f"event {index} is gone, and no event audit.expired says so")
    tree.append(hashes)
    done.events, done.expired = tree.size, done.expired + len(row[2] or [])
    return True


def _compare(tree: Growth, point: _Point, good: int, done: Verified) -> int:
    """Up to which size the log is as it was anchored."""
    root = tree.root()
    try:
        stored = range_root(StoredNodes(), 0, point.size)
    except LookupError:
        stored = b""
    if stored != root:
        text = f"the stored leaves and tiles do not lead to the root that the texts of {point.size} events have"
        done.add(Fault.TILES, "the log", text)
    if root == point.root:
        return point.size
    text = (
        f"the log is not the one that was anchored with {point.size} events: it differs among {good}..{point.size - 1}"
    )
    done.add(Fault.FORKED, point.where, text)
    return good
