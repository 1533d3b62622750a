"""Writes bundles of the audit log: what the offline verifier reads. docs/audit-bundle.md describes them."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from apps.audit.models import AuditHead
from apps.audit.selectors.anchors import anchors_between
from apps.audit.selectors.tree import StoredNodes, last_head
from apps.audit.services.bundle_files import BundleFile, canonical_line, new_folder, put_lines, time_text
from apps.audit.tree import inclusion_proof, leaf_hash, range_root
from apps.audit.verifier import levels_between, uncovered
from apps.core.db import fetch_all, fetch_one, snapshot
from apps.core.registry import registry

CHUNK, ROWS_AT_ONCE = 5_000, 20
BEGINS, EXPIRED = '{"action":"', "audit.expired"
EVENTS = "SELECT index, hash, body FROM audit_text WHERE index >= %s AND index < %s ORDER BY index"
# A range of time holds every leaf between the first and the last event written in it.
PLACES = """
    SELECT min(l.index), max(l.index) FROM audit_leaf l JOIN audit_auditlog e ON e.id = l.event
    WHERE e.created_at >= coalesce(%s::timestamptz, '-infinity')
        AND e.created_at < coalesce(%s::timestamptz, 'infinity')
"""
WAITING = """
    SELECT count(*), coalesce((SELECT index + 1 FROM audit_leaf ORDER BY index DESC LIMIT 1), 0) FROM audit_auditlog e
    WHERE (e.xid, e.id) > (coalesce((SELECT xid FROM audit_leaf ORDER BY index DESC LIMIT 1), '0'),
                           coalesce((SELECT event FROM audit_leaf ORDER BY index DESC LIMIT 1), 0))
"""
# Signed events that say what has expired, of those that come after the range.
EXPIRIES = """
    SELECT l.index, t.body FROM audit_auditlog e
    JOIN audit_leaf l ON l.event = e.id JOIN audit_text t ON t.index = l.index
    WHERE e.action = 'audit.expired' AND l.index >= %s AND l.index < %s ORDER BY l.index
"""


class CannotExport(Exception):
    """The range is empty or not yet signed, or the place cannot be written to; the message says which."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a bundle holds: the events `start`..`stop` - 1 as of the head of `size`.

    `doubtful` are indexes, with the reason, of which the verifier will say that something is wrong.
    """

    start: int
    stop: int
    size: int
    doubtful: list[tuple[int, str]]


@dataclass(slots=True)
class _Writing:
    """A bundle being written."""

    folder: Path
    start: int
    stop: int
    head: AuditHead
    files: dict[str, Any] = field(default_factory=dict)
    doubtful: list[tuple[int, str]] = field(default_factory=list)
    # (first, last) of events without a body, next to each other.
    expired: list[tuple[int, int]] = field(default_factory=list)
    # [from, to) of what events in the range say has expired.
    covered: list[tuple[int, int]] = field(default_factory=list)


def places_between(*, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The indexes [start, stop) that hold all events written from `since` until before `until`. Raises CannotExport."""
    row = fetch_one(PLACES, [since, until])
    if row is None or row[0] is None:
        raise CannotExport("no event of that time has its place in the log yet")
    return row[0], row[1] + 1


def export_bundle(
    *,
    folder: Path,
    start: int,
    stop: int | None,
    now: datetime,
    complete: bool = False,
    told: Callable[[int, int], None] = lambda *_: None,
) -> Exported:
    """Write the events [start, stop) into the new directory `folder`, with what proves them in the last signed head.

    All is read as of one instant. `stop` None is up to that head; `complete` demands that no event waits for its
    place or for a head. `told` hears how many of how many events are written. Raises CannotExport; whatever ends it,
    the directory then does not exist. Raises RuntimeError within a transaction.
    """
    try:
        with new_folder(folder) as partial, snapshot():
            bundle = _begin(partial, start, stop, complete=complete)
            _write_events(bundle, told)
            _write_proofs(bundle)
            manifest = {"v": 1, "log": bundle.head.log, "from": start, "to": bundle.stop, "size": bundle.head.size}
            manifest |= {"made_at": time_text(now), "files": bundle.files}
            put_lines(partial / "manifest.json", [canonical_line(manifest)])
    except FileExistsError:
        raise CannotExport(f"{folder} is there already") from None
    except OSError as error:
        raise CannotExport(f"{folder}: {error.strerror or type(error).__name__}") from None
    except DatabaseError as error:
        raise CannotExport(f"the database did not give it all ({type(error).__name__}): nothing is written") from error
    return Exported(start, bundle.stop, bundle.head.size, bundle.doubtful)


def _begin(folder: Path, start: int, stop: int | None, *, complete: bool) -> _Writing:
    head = last_head()
    if head is None:
        raise CannotExport("no head is signed yet")
    if complete:
        _require_complete(head)
    stop = head.size if stop is None else stop
    if not 0 <= start <= stop <= head.size:
        raise CannotExport(f"the range {start}..{stop} is not within the {head.size} events that are signed")
    return _Writing(folder, start, stop, head)


def _require_complete(head: AuditHead) -> None:
    waiting, numbered = fetch_one(WAITING) or (0, 0)
    unsigned = numbered - head.size
    if waiting or unsigned:
        raise CannotExport(
            f"the log is not complete yet: {waiting} events wait for their place in it and {unsigned} for a signed "
            "head. Export again in a moment; if it lasts, see docs/audit-tree.md"
        )


def _write_events(bundle: _Writing, told: Callable[[int, int], None]) -> None:
    """events.jsonl and leaves.bin, and in journal.jsonl the rows that events name."""
    folder, start, stop = bundle.folder, bundle.start, bundle.stop
    with (
        BundleFile.opened(folder / "events.jsonl") as lines,
        BundleFile.opened(folder / "leaves.bin") as hashes,
        BundleFile.opened(folder / "journal.jsonl") as journal,
    ):
        for at in range(start, stop, CHUNK):
            naming: list[tuple[int, dict[str, Any]]] = []
            for index, kept, body in fetch_all(EVENTS, [at, min(at + CHUNK, stop)]):
                lines.write(b"%d\t%s\n" % (index, _text(bundle, index, bytes(kept), body)))
                hashes.write(bytes(kept))
                if body is not None and _action(body) in registry.named_rows:
                    naming.append((index, json.loads(body)))
            for line in _named_rows(naming):
                journal.write(canonical_line(line) + b"\n")
            told(min(at + CHUNK, stop) - start, stop - start)
    written = {"events.jsonl": lines, "journal.jsonl": journal, "leaves.bin": hashes}
    bundle.files |= {name: file.entry() for name, file in written.items()}


def _text(bundle: _Writing, index: int, kept: bytes, body: str | None) -> bytes:
    if body is None:
        if bundle.expired and bundle.expired[-1][1] == index - 1:
            bundle.expired[-1] = bundle.expired[-1][0], index
        else:
            bundle.expired.append((index, index))
        return b"-" + kept.hex().encode()
    text = body.encode()
    if leaf_hash(text) != kept:
        bundle.doubtful.append((index, "the stored event is not the one that was hashed when it got its place"))
    if _action(body) == EXPIRED:
        bundle.covered += _ranges(body, before=index)
    return text


def _action(body: str) -> str:
    """The action of an event, which its text begins with."""
    return body[len(BEGINS) : body.find('"', len(BEGINS))]


def _named_rows(naming: list[tuple[int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The rows that events name, with the event's index. One that is not there is left out: the verifier misses it."""
    for at in range(0, len(naming), ROWS_AT_ONCE):
        some = naming[at : at + ROWS_AT_ONCE]
        for action in {event["action"] for _, event in some}:
            asked = [(event["resource_id"], event["after"]["seq"]) for _, event in some if event["action"] == action]
            found = registry.named_rows[action](asked)
            for index, event in some:
                row = found.get((event["resource_id"], event["after"]["seq"])) if event["action"] == action else None
                if row is not None:
                    yield {"index": index, **row}


def _write_proofs(bundle: _Writing) -> None:
    folder, files = bundle.folder, bundle.files
    anchors = anchors_between(bundle.start, bundle.head.size)
    heads = _heads(bundle.start, bundle.stop, bundle.head, {anchor.size for anchor in anchors})
    files["edges.jsonl"] = put_lines(folder / "edges.jsonl", map(canonical_line, _edges(bundle, heads)))
    files["heads.jsonl"] = put_lines(folder / "heads.jsonl", (canonical_line(_head(one)) for one in heads))
    files["expiries.jsonl"] = put_lines(folder / "expiries.jsonl", map(canonical_line, _expiries(bundle)))
    files["anchors.jsonl"] = put_lines(folder / "anchors.jsonl", (canonical_line(one.entry()) for one in anchors))
    keys = {one.key.key_id: b64encode(bytes(one.key.public_key)).decode() for one in heads}
    listed = [{"key_id": name, "public_key": key} for name, key in sorted(keys.items())]
    files["keys.json"] = put_lines(folder / "keys.json", [canonical_line({"keys": listed})])


def _heads(start: int, stop: int, last: AuditHead, anchored: set[int]) -> list[AuditHead]:
    """Every head within the range, the first that covers its end, those that are anchored, and the last."""
    signed = AuditHead.objects.select_related("key").order_by("size")
    after = signed.filter(size__gte=stop, size__lte=last.size)
    covering = after.values_list("size", flat=True)[:1]
    wanted = {*covering, last.size, *(size for size in anchored if size >= stop)}
    return [*signed.filter(size__gte=start, size__lt=stop), *after.filter(size__in=wanted)]


def _edges(bundle: _Writing, heads: list[AuditHead]) -> Iterator[dict[str, Any]]:
    """The subtrees before the range, and from its end to each later head."""
    nodes = StoredNodes()
    joints = [bundle.stop, *(head.size for head in heads if head.size > bundle.stop)]
    spans = [(0, bundle.start)] if bundle.start else []
    for first, last in [*spans, *pairwise(joints)]:
        at, found = first, []
        for level in levels_between(first, last):
            found.append(range_root(nodes, at, at + (1 << level)).hex())
            at += 1 << level
        yield {"from": first, "nodes": found, "to": last}


def _expiries(bundle: _Writing) -> Iterator[dict[str, Any]]:
    """Later events that say what of the range has expired, with their paths to the last head."""
    nodes, size = StoredNodes(), bundle.head.size
    if not bundle.expired:
        return
    for index, body in fetch_all(EXPIRIES, [bundle.stop, size]):
        ranges = _ranges(body or "", before=index)
        if any(first < stop and start < to for first, to in ranges for start, stop in _spans(bundle.expired)):
            bundle.covered += ranges
            path = [node.hex() for node in inclusion_proof(nodes, index, size)]
            yield {"body": body, "index": index, "path": path, "size": size}
    for first, last in uncovered(bundle.expired, bundle.covered):
        why = f"up to {last} there is no text, and no signed event says that it expired; if it just did, export again"
        bundle.doubtful.append((first, why))


def _spans(found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    return ((first, last + 1) for first, last in found)


def _ranges(body: str, *, before: int) -> list[tuple[int, int]]:
    """The ranges [from, to) that an event `audit.expired` names, as far as they come before it."""
    after = (json.loads(body).get("after") if body else None) or {}
    return [(int(first), min(int(stop), before)) for first, stop in after.get("ranges", ())]


def _head(head: AuditHead) -> dict[str, Any]:
    signature = b64encode(bytes(head.signature)).decode()
    return {
        "key_id": head.key.key_id,
        "log": head.log,
        "root": bytes(head.root).hex(),
        "signature": signature,
        "size": head.size,
        "time": time_text(head.at),
    }
