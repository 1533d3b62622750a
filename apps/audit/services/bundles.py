"""Writes bundles of the audit log: what the offline verifier reads. docs/audit-bundle.md describes them."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from apps.audit.models import AuditHead
from apps.audit.selectors.tree import StoredNodes
from apps.audit.tree import leaf_hash, range_root
from apps.audit.verifier import levels_between
from apps.core.db import fetch_all, fetch_one

CHUNK = 5_000
EVENTS = "SELECT index, hash, body FROM audit_text WHERE index >= %s AND index < %s ORDER BY index"
# A range of time holds every leaf between the first and the last event written in it.
PLACES = """
    SELECT min(l.index), max(l.index) FROM audit_leaf l JOIN audit_auditlog e ON e.id = l.event
    WHERE e.created_at >= coalesce(%s::timestamptz, '-infinity')
        AND e.created_at < coalesce(%s::timestamptz, 'infinity')
"""


class CannotExport(Exception):
    """The range is empty or not yet signed, or the place cannot be written to; the message says which."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a bundle holds: the events `start`..`stop` - 1 as of the head of `size`.

    `different` are indexes at which the stored event is not the one that was hashed: the verifier will say so too.
    """

    start: int
    stop: int
    size: int
    different: list[int]


@dataclass(slots=True)
class _File:
    """A file being written, and its digest."""

    file: BinaryIO
    digest: Any = field(default_factory=sha256)
    length: int = 0

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.length += len(data)

    def entry(self) -> dict[str, Any]:
        return {"bytes": self.length, "sha256": self.digest.hexdigest()}


def places_between(*, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The indexes [start, stop) that hold all events written from `since` until before `until`. Raises CannotExport."""
    row = fetch_one(PLACES, [since, until])
    if row is None or row[0] is None:
        raise CannotExport("no event of that time has its place in the log yet")
    return row[0], row[1] + 1


def export_bundle(
    *, folder: Path, start: int, stop: int | None, now: datetime, told: Callable[[int, int], None] = lambda *_: None
) -> Exported:
    """Write the events [start, stop) into the new directory `folder`, with what proves them in the last signed head.

    `stop` None is up to that head. `told` hears how many of how many events are written. Raises CannotExport; the
    directory then does not exist.
    """
    head = AuditHead.objects.order_by("-size").first()
    if head is None:
        raise CannotExport("no head is signed yet")
    stop = head.size if stop is None else stop
    if not 0 <= start <= stop <= head.size:
        raise CannotExport(f"the range {start}..{stop} is not within the {head.size} events that are signed")
    partial = folder.with_name(folder.name + ".partial")
    try:
        if folder.exists():
            raise CannotExport(f"{folder} is there already")
        partial.mkdir(parents=True)
        different, files = _write(partial, start, stop, head, told)
        manifest = {"v": 1, "log": head.log, "from": start, "to": stop, "size": head.size}
        manifest |= {"made_at": _time(now), "files": files}
        (partial / "manifest.json").write_bytes(_json(manifest) + b"\n")
        partial.rename(folder)
    except OSError as error:
        raise CannotExport(f"{folder}: {error.strerror}") from None
    return Exported(start, stop, head.size, different)


def _write(
    folder: Path, start: int, stop: int, head: AuditHead, told: Callable[[int, int], None]
) -> tuple[list[int], dict[str, Any]]:
    heads = _heads(start, stop, head)
    files: dict[str, Any] = {}
    different: list[int] = []
    with (folder / "events.jsonl").open("wb") as events, (folder / "leaves.bin").open("wb") as leaves:
        lines, hashes = _File(events), _File(leaves)
        for at in range(start, stop, CHUNK):
            for index, kept, body in fetch_all(EVENTS, [at, min(at + CHUNK, stop)]):
                text = b"-" + bytes(kept).hex().encode() if body is None else body.encode()
                if body is not None and leaf_hash(text) != bytes(kept):
                    different.append(index)
                lines.write(b"%d\t%s\n" % (index, text))
                hashes.write(bytes(kept))
            told(min(at + CHUNK, stop) - start, stop - start)
        files |= {"events.jsonl": lines.entry(), "leaves.bin": hashes.entry()}
    files["edges.jsonl"] = _put(folder / "edges.jsonl", map(_json, _edges(start, stop, heads)))
    files["heads.jsonl"] = _put(folder / "heads.jsonl", (_json(_head(one)) for one in heads))
    keys = {one.key.key_id: b64encode(bytes(one.key.public_key)).decode() for one in heads}
    listed = [{"key_id": name, "public_key": key} for name, key in sorted(keys.items())]
    files["keys.json"] = _put(folder / "keys.json", [_json({"keys": listed})])
    return different, files


def _heads(start: int, stop: int, last: AuditHead) -> list[AuditHead]:
    """Every head within the range, the first that covers its end, and the last."""
    signed = AuditHead.objects.select_related("key").order_by("size")
    found = list(signed.filter(size__gte=start, size__lt=stop))
    covering = signed.filter(size__gte=stop, size__lte=last.size)[:1]
    found.extend(covering)
    if found[-1].size != last.size:
        found.append(last)
    return found


def _edges(start: int, stop: int, heads: list[AuditHead]) -> Iterator[dict[str, Any]]:
    """The subtrees before the range, and from its end to each later head."""
    nodes = StoredNodes()
    joints = [stop, *(head.size for head in heads if head.size > stop)]
    spans = [(0, start)] if start else []
    for first, last in [*spans, *pairwise(joints)]:
        at, found = first, []
        for level in levels_between(first, last):
            found.append(range_root(nodes, at, at + (1 << level)).hex())
            at += 1 << level
        yield {"from": first, "nodes": found, "to": last}


def _head(head: AuditHead) -> dict[str, Any]:
    signature = b64encode(bytes(head.signature)).decode()
    return {
        "key_id": head.key.key_id,
        "log": head.log,
        "root": bytes(head.root).hex(),
        "signature": signature,
        "size": head.size,
        "time": _time(head.at),
    }


def _put(path: Path, lines: Iterable[bytes]) -> dict[str, Any]:
    with path.open("wb") as opened:
        file = _File(opened)
        for line in lines:
            file.write(line + b"\n")
        return file.entry()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
