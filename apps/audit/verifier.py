"""Verify a bundle of the audit log offline: `python -I verifier.py BUNDLE --key PUBLIC_KEY`.

One file, the standard library and `cryptography`; it imports nothing of Bookentry. docs/audit-bundle.md describes the
bundle, the exit codes and what each finding can and cannot prove.

What is signed is tree heads only: everything else in a bundle can be recomputed by whoever changed it. So the signed
heads say *that* something is wrong and between which heads; the leaf hashes, the streams' chains, the numbers and the
times in the bodies are further witnesses, and a guess at the true log is taken as proven only when it hashes to the
signed root. What cannot be proven is said to be probable, with its reason.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import calendar
import hashlib
import hmac
import itertools
import json
import multiprocessing
import os
import re
import stat
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Union

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

EXIT = {
    "ok": 0,
    "usage": 2,
    "damaged": 3,
    "edit": 10,
    "delete": 11,
    "insert": 12,
    "reorder": 13,
    "backdate": 14,
    "truncate": 15,
    "fork": 16,
    "key": 17,
    "disclosure": 18,
    "internal": 70,
}
SAID = {
    "edit": "EDIT",
    "delete": "DELETE",
    "insert": "INSERT",
    "reorder": "REORDER",
    "backdate": "BACKDATE",
    "truncate": "TRUNCATE/ROLLBACK",
    "fork": "FORK",
    "key": "WRONG KEY",
    "disclosure": "DISCLOSURE REFUSED",
    "damaged": "DAMAGED BUNDLE",
}
HEAD_PREFIX = b"bookentry-audit-head-v1\n"
EVENTS, LEAVES, EDGES, HEADS, KEYS = "events.jsonl", "leaves.bin", "edges.jsonl", "heads.jsonl", "keys.json"
NEEDED = (EVENTS, LEAVES, EDGES, HEADS)
KNOWN = {*NEEDED, KEYS, "anchors.jsonl", "journal.jsonl", "expiries.jsonl"}
LIMIT_SMALL, LIMIT_LINE, LIMIT_COUNT, LIMIT_HEADS = 16 << 20, 4 << 20, 1 << 53, 2_000_000
CHUNK, STREAMS_KEPT, EXPIRED_KEPT = 2 << 20, 1_000_000, 500_000
# An event is written, at most, this long before the transaction that wrote it commits and the next head covers it.
TOLERANCE = 600 * 1_000_000
STAGE_SECONDS, LARGEST_SEARCH, LARGEST_DIAGNOSIS = 5.0, 1 << 17, 2_000_000
EMPTY_ROOT = hashlib.sha256(b"").digest()
HEX = frozenset("0123456789abcdef")
sha256 = hashlib.sha256


class Damaged(Exception):
    """The bundle cannot be read as a bundle."""


class Usage(Exception):
    """An argument cannot be used."""


@dataclass(frozen=True)
class Finding:
    """Something wrong: its class, the indexes it touches (last included; None: not an event), and whether proven."""

    kind: str
    text: str
    first: int | None = None
    last: int | None = None
    proven: bool = True

    def line(self) -> str:
        place = ""
        if self.first is not None:
            place = f" at index {self.first}" if self.last in (None, self.first) else f" in {self.first}..{self.last}"
        return f"{SAID[self.kind]}{place} ({'proven' if self.proven else 'probable'}): {self.text}"


# ---------------------------------------------------------------------------------------------- reading


def open_regular(path: Path) -> BinaryIO:
    """Open a file that is neither a link nor a device; raises Damaged."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise Damaged(f"{path.name} cannot be opened ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Damaged(f"{path.name} is not a regular file")
    return os.fdopen(handle, "rb")


def read_small(path: Path) -> bytes:
    with open_regular(path) as file:
        data = file.read(LIMIT_SMALL + 1)
    if len(data) > LIMIT_SMALL:
        raise Damaged(f"{path.name} is larger than {LIMIT_SMALL} bytes")
    return data


def strict_json(data: bytes, what: str) -> Any:
    """Parse JSON without duplicate keys, floats or constants; raises Damaged."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key twice")
        return found

    def refuse(text: str) -> Any:
        raise ValueError(f"the number {text[:20]}")

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_float=refuse, parse_constant=refuse)
    except RecursionError:
        raise Damaged(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise Damaged(f"{what} is not the JSON expected ({str(error)[:80]})") from None


def lines_of(path: Path, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line without its end); raises Damaged when a line is endless or the last is cut."""
    with open_regular(path) as file:
        for number in itertools.count(1):
            line = file.readline(LIMIT_LINE + 1)
            if not line:
                return
            if not line.endswith(b"\n"):
                why = "is too long" if len(line) > LIMIT_LINE else "is cut: the file is truncated"
                raise Damaged(f"{path.name} line {number} {why}")
            if number > most:
                raise Damaged(f"{path.name} has more than {most} lines")
            yield number, line[:-1]


def member(value: Any, key: str, kind: type, what: str) -> Any:
    if not isinstance(value, dict) or type(value.get(key)) is not kind:
        raise Damaged(f"{what} has no usable {key!r}")
    return value[key]


def count_in(value: Any, key: str, what: str) -> int:
    found: int = member(value, key, int, what)
    if not 0 <= found < LIMIT_COUNT:
        raise Damaged(f"{what} has a {key!r} out of range")
    return found


def hash_in(text: Any, what: str) -> bytes:
    if not is_hash(text):
        raise Damaged(f"{what} is not 64 hexadecimal digits")
    return bytes.fromhex(text)


def is_hash(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and HEX.issuperset(text)


def micros(text: Any) -> int | None:
    """Microseconds since 1970 of `2026-11-22T04:53:24[.123456]Z`; None if it is not such a time."""
    try:
        whole, _, part = text[:-1].partition(".")
        if text[-1] != "Z" or len(part) > 6 or not (part or "0").isdigit() or len(whole) != 19:
            return None
        moment = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
        return calendar.timegm(moment) * 1_000_000 + int(part.ljust(6, "0") or 0)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return None


def stamp(instant: int) -> str:
    """Return the text of an instant as events write it; clamped to the years 1 to 9999."""
    seconds, rest = divmod(instant, 1_000_000)
    seconds = min(max(seconds, -62135596800), 253402300799)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"  # noqa: UP017 (3.10)


def canonical(value: Any) -> bytes:
    """RFC 8785 of a value without floats."""
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=False).encode()


@dataclass(frozen=True)
class Manifest:
    log: str
    start: int
    stop: int
    size: int
    made_at: str
    digests: dict[str, str]


def read_manifest(folder: Path) -> Manifest:
    """Read manifest.json; raises Damaged."""
    if not folder.is_dir():
        raise Damaged(f"{folder} is not a directory")
    what = "manifest.json"
    document = strict_json(read_small(folder / what), what)
    if count_in(document, "v", what) != 1:
        raise Damaged("manifest.json is of a version this verifier does not know")
    start, stop, size = (count_in(document, key, what) for key in ("from", "to", "size"))
    if not start <= stop:
        raise Damaged("manifest.json ends before it begins")
    files = member(document, "files", dict, what)
    if strange := sorted(set(files) - KNOWN):
        raise Damaged(f"manifest.json names an unknown file {strange[0][:60]!r}")
    for name in NEEDED:
        if name not in files:
            raise Damaged(f"manifest.json does not name {name}")
    digests = {name: hash_in(member(entry, "sha256", str, name), name).hex() for name, entry in files.items()}
    log, made_at = member(document, "log", str, what), member(document, "made_at", str, what)
    return Manifest(log, start, stop, size, made_at, digests)


# ---------------------------------------------------------------------------------------------- the tree


def leaf_hash(body: bytes) -> bytes:
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def levels_between(start: int, stop: int) -> list[int]:
    """Levels of the whole subtrees that cover [start, stop), from left to right (RFC 6962 shape)."""
    found = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append(level)
        start += 1 << level
    return found


def cover(hashes: list[bytes], start: int) -> list[bytes]:
    """Hashes of the whole subtrees that cover the leaves `hashes`, the first of which has index `start`."""
    left: list[bytes] = []
    right: list[bytes] = []
    nodes = hashes
    while nodes:
        if start & 1:
            left.append(nodes[0])
            nodes = nodes[1:]
        if len(nodes) & 1:
            right.append(nodes[-1])
        pairs = iter(nodes)
        nodes = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs)]  # noqa: B905 (an odd one is kept)
        start = (start + 1) >> 1
    return left + right[::-1]


class Frontier:
    """The whole subtrees that cover [0, size), from which the root of that size follows."""

    def __init__(self, size: int = 0, nodes: Iterable[tuple[int, bytes]] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)

    def copy(self) -> Frontier:
        return Frontier(self.size, self.nodes)

    def extend(self, stop: int, nodes: Sequence[bytes]) -> None:
        """Append the cover of [size, stop); raises Damaged when it has not the right number of nodes."""
        levels = levels_between(self.size, stop)
        if len(levels) != len(nodes):
            raise Damaged(f"the cover of {self.size}..{stop} has {len(nodes)} nodes, not {len(levels)}")
        for level, node in zip(levels, nodes):  # noqa: B905 (equal lengths, Python 3.9)
            height, top = level, node
            while self.nodes and self.nodes[-1][0] == height:
                top = node_hash(self.nodes.pop()[1], top)
                height += 1
            self.nodes.append((height, top))
        self.size = stop

    def root(self) -> bytes:
        if not self.nodes:
            return EMPTY_ROOT
        found = self.nodes[-1][1]
        for _, node in reversed(self.nodes[:-1]):
            found = node_hash(node, found)
        return found


@dataclass(frozen=True)
class Edge:
    """Subtrees of a stretch of the log that the bundle has no events of."""

    start: int
    stop: int
    nodes: tuple[bytes, ...]


def read_edges(folder: Path) -> list[Edge]:
    edges = []
    for number, line in lines_of(folder / EDGES, LIMIT_HEADS):
        what = f"{EDGES} line {number}"
        entry = strict_json(line, what)
        start, stop = count_in(entry, "from", what), count_in(entry, "to", what)
        nodes = tuple(hash_in(node, what) for node in member(entry, "nodes", list, what))
        if start >= stop or len(levels_between(start, stop)) != len(nodes):
            raise Damaged(f"{what} has not the nodes of its range")
        edges.append(Edge(start, stop, nodes))
    return edges


# ---------------------------------------------------------------------------------------------- keys and heads


@dataclass(frozen=True)
class Head:
    """A tree head; `trusted` when it was obtained elsewhere, `valid` when a key given signed it."""

    size: int
    root: bytes
    at: str
    key_id: str
    valid: bool
    source: str = ""

    @property
    def instant(self) -> int | None:
        return micros(self.at)


def read_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Read a public key: base64, hexadecimal, or a file with either or with PEM. Returns its id too."""
    try:
        if len(text) < 200 and (path := Path(text)).is_file():
            with path.open("rb") as file:
                text = file.read(10_000).decode()
    except (OSError, ValueError):
        raise Usage("the key cannot be read") from None
    text = text.strip()
    try:
        if text.startswith("-----"):
            key = load_pem_public_key(text.encode())
            if not isinstance(key, Ed25519PublicKey):
                raise Usage("the key is not an Ed25519 public key")
        else:
            raw = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
            key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        raise Usage("the key is not an Ed25519 public key: give 32 bytes in base64 or hexadecimal, or PEM") from None
    return sha256(key.public_bytes_raw()).hexdigest()[:16], key


def signed_text(log: str, size: int, root: bytes, at: str) -> bytes:
    return HEAD_PREFIX + canonical({"log": log, "root": root.hex(), "size": size, "time": at})


def parse_head(entry: Any, what: str, log: str, keys: dict[str, Ed25519PublicKey]) -> Head:
    """Read a head and check its signature; raises Damaged."""
    size, root = count_in(entry, "size", what), hash_in(member(entry, "root", str, what), what)
    at, key_id = member(entry, "time", str, what), member(entry, "key_id", str, what)
    if micros(at) is None:
        raise Damaged(f"{what} has no usable time")
    if member(entry, "log", str, what) != log:
        raise Damaged(f"{what} is of another log")
    try:
        signature = base64.b64decode(member(entry, "signature", str, what), validate=True)
    except ValueError:
        raise Damaged(f"{what} has no usable signature") from None
    valid = key_id in keys and verifies(keys[key_id], signature, signed_text(log, size, root, at))
    return Head(size, root, at, key_id, valid, what)


def verifies(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def read_heads(folder: Path, log: str, keys: dict[str, Ed25519PublicKey]) -> list[Head]:
    """Read all heads of the bundle, sorted by size."""
    heads = []
    for number, line in lines_of(folder / HEADS, LIMIT_HEADS):
        what = f"{HEADS} line {number}"
        heads.append(parse_head(strict_json(line, what), what, log, keys))
    return sorted(heads, key=lambda head: head.size)


def read_outside(path: str, log: str, keys: dict[str, Ed25519PublicKey], *, anchor: bool) -> list[Head]:
    """Read heads obtained elsewhere: one JSON object, or one a line. An anchor needs no signature: its place vouches.

    Raises Usage: what the caller gave is not part of the bundle.
    """
    try:
        data = Path(path).read_bytes()[:LIMIT_SMALL]
        try:
            entries = [strict_json(data, path)]
        except Damaged:
            entries = [strict_json(line, path) for line in data.splitlines() if line.strip()]
        heads = []
        for entry in entries:
            if anchor and isinstance(entry, dict) and "signature" not in entry:
                size, root = count_in(entry, "size", path), hash_in(member(entry, "root", str, path), path)
                heads.append(Head(size, root, str(entry.get("time", "")), "", True, f"the anchor {path}"))
            else:
                heads.append(parse_head(entry, f"the head {path}", log, keys))
    except OSError as error:
        raise Usage(f"{path} cannot be read ({error.strerror})") from None
    except Damaged as error:
        raise Usage(str(error)) from None
    if not heads:
        raise Usage(f"{path} holds no head")
    return heads


# ---------------------------------------------------------------------------------------------- scanning


@dataclass(frozen=True)
class Task:
    """A stretch of events.jsonl, and whether to describe every event or to take the usual way."""

    path: str
    start: int
    stop: int
    full: bool


@dataclass
class Part:
    """What a stretch of events.jsonl holds. `regular`: its indexes are contiguous and it can be taken as it stands."""

    first: int = -1
    count: int = 0
    regular: bool = True
    damage: tuple[int, str] | None = None
    covers: list[tuple[int, list[bytes]]] = field(default_factory=list)
    hashes: bytes = b""
    opens: array[int] = field(default_factory=lambda: array("Q"))
    opened: array[int] = field(default_factory=lambda: array("q"))
    named: bytes = b""
    ends: list[bytes] = field(default_factory=list)
    breaks: list[tuple[int, str, str]] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    expiries: list[tuple[int, Any]] = field(default_factory=list)
    labels: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))
    events: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    streams: array[int] = field(default_factory=lambda: array("Q"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    previous: bytes = b""


_sizes: list[int] = []
_floors: list[str] = []
_ceilings: list[str] = []


def prepare_worker(sizes: list[int], floors: list[str], ceilings: list[str]) -> None:
    """Give a process the heads: events in [sizes[i-1], sizes[i]) must have floors[i] <= at <= ceilings[i]."""
    _sizes[:], _floors[:], _ceilings[:] = sizes, floors, ceilings


def split_line(line: bytes) -> tuple[int, bytes]:
    """Return index and body; raises ValueError."""
    label, tab, body = line.partition(b"\t")
    if not tab or not label.isdigit() or len(label) > 16 or (label[0] == 48 and len(label) > 1):
        raise ValueError("no index, tab and body")
    return int(label), body


def expired_hash(body: bytes) -> bytes:
    """Return the leaf hash of an expired event's line; raises ValueError."""
    if len(body) != 65 or not is_hash(body[1:].decode()):
        raise ValueError("an expired event without its leaf hash")
    return bytes.fromhex(body[1:].decode())


def parse_body(body: bytes) -> Any:
    """Parse a body; raises ValueError for what is not JSON."""
    try:
        return json.loads(body.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


def stream_key(stream: bytes) -> int:
    return int.from_bytes(sha256(stream).digest()[:8], "big")


def scan(task: Task) -> Part:
    """Hash and check one stretch of events; damage is reported in the part, by line."""
    part = Part()
    try:
        with open_regular(Path(task.path)) as file:
            file.seek(task.start)
            data = file.read(task.stop - task.start)
    except Damaged as error:
        part.damage = 0, str(error)
        return part
    lines = data.split(b"\n")
    lines.pop()
    try:
        (_scan_full if task.full else _scan_fast)(part, lines, task.start)
    except _BadLine as bad:
        part.damage = bad.args[0], bad.args[1]
    return part


class _BadLine(Exception):
    """(position in the stretch, why)."""


def _scan_fast(part: Part, lines: list[bytes], _: int) -> None:  # noqa: C901 (one loop over a million lines)
    """The usual way: contiguous indexes, known shapes. Anything else sets `regular` to False for the diagnosis."""
    part.count = len(lines)
    try:
        part.first = index = split_line(lines[0])[0] if lines else -1
    except ValueError as error:
        raise _BadLine(0, str(error)) from None
    hashes: list[bytes] = []
    named: list[bytes] = []
    state: dict[bytes, tuple[int, bytes]] = {}
    until = -1
    floor = ceiling = ""
    for position, line in enumerate(lines):
        label, _tab, body = line.partition(b"\t")
        if label != b"%d" % index:
            part.regular = False
            return
        if index >= until:
            until, floor, ceiling = _bounds(index)
        try:
            if body[:1] == b"-":
                hashes.append(expired_hash(body))
                part.expired.append(index)
                index += 1
                continue
            found = sha256(b"\x00" + body).digest()
            hashes.append(found)
            stream, sequence, previous, at = _facts(body)
            known = state.get(stream)
            if known is None:
                part.opens.append(stream_key(stream))
                part.opened.append(index)
                named.append(_state(sequence - 1, previous))
            elif sequence != known[0] + 1 or previous != known[1]:
                part.breaks.append((index, *_break(known, sequence, previous)))
            state[stream] = sequence, found
            if not floor <= at <= ceiling:
                part.breaks.append((index, "backdate", _misdated(at, floor, ceiling)))
            if body.startswith(b'{"action":"audit.expired"'):
                part.expiries.append((index, json.loads(body).get("after")))
        except (ValueError, RecursionError) as error:
            raise _BadLine(position, f"not JSON as it must be ({str(error)[:60]})") from None
        except (KeyError, TypeError, AttributeError):
            part.breaks.append((index, "damaged", "its body is not an audit event"))
        index += 1
    part.ends = [_state(sequence, found) for sequence, found in state.values()]
    part.named, part.hashes = b"".join(named), b"".join(hashes)
    start = part.first
    for stop in (*_sizes[bisect.bisect_right(_sizes, start) : bisect.bisect_left(_sizes, index)], index):
        part.covers.append((stop, cover(hashes[start - part.first : stop - part.first], start)))
        start = stop


# The last keys of a body, in the order of RFC 8785. A quote within a text is escaped: these can only be keys.
TAIL = re.compile(
    rb',"prev_hash":(?:null|"([0-9a-f]{64})"),"record_class":"\w*","request_id":"[^"\\]*","resource_id":"[^"\\]*",'
    rb'"resource_type":"[^"\\]*","session":(?:null|"[^"\\]*"),"source":"\w+","stream":"([^"\\]*)",'
    rb'"stream_seq":([1-9][0-9]{0,14}),"user":(?:null|"[^"\\]*"),"v":1}'
)
AT = b',"at":"'


def _facts(body: bytes) -> tuple[bytes, int, bytes, str]:
    """Stream, number, hash it names (empty: none) and time, read from the text where it is as the log writes it.

    Else from its JSON; raises ValueError for what is none, KeyError, TypeError or AttributeError for what is no event.
    """
    found = TAIL.fullmatch(body, max(body.rfind(b',"prev_hash":'), 0))
    if found is not None:
        place = body.find(AT)
        if place > 0 and body.find(AT, place + 7) < 0:
            previous, stream, sequence = found.groups()
            named = bytes.fromhex(previous.decode()) if previous else b""
            return stream, int(sequence), named, body[place + 7 : place + 34].decode()
    document = json.loads(body.decode())
    if type(document) is not dict:
        raise TypeError
    name, number, names, at = document["stream"], document["stream_seq"], document["prev_hash"], document["at"]
    usable = type(name) is str and type(at) is str and type(number) is int and 0 < number < LIMIT_COUNT
    if not usable or not (names is None or is_hash(names)):
        raise TypeError
    return name.encode("utf-8", "surrogatepass"), number, bytes.fromhex(names or ""), at


def _state(sequence: int, last: bytes) -> bytes:
    # Eight bytes of the hash are enough here: what is signed is compared whole, by the tree.
    return sequence.to_bytes(8, "big") + last[:8].ljust(8, b"\x00")


def _bounds(index: int) -> tuple[int, str, str]:
    """Up to which index, from when and until when: what the heads say of the events from `index`."""
    here = bisect.bisect_right(_sizes, index)
    until = _sizes[here] if here < len(_sizes) else LIMIT_COUNT
    return until, _floors[here], _ceilings[here]


def _misdated(at: Any, floor: str, ceiling: str) -> str:
    if at < floor:
        return f"it is dated {str(at)[:40]}, long before the signed head that it does not yet belong to"
    return f"it is dated {str(at)[:40]}, long after the signed head that covers it ({ceiling} at the latest)"


def _break(known: tuple[int, bytes], sequence: int, previous: bytes) -> tuple[str, str]:
    if sequence > known[0] + 1:
        return "delete", f"events {known[0] + 1}..{sequence - 1} of its stream are missing"
    if sequence <= known[0]:
        return "insert", f"its stream had reached {known[0]} already, and it calls itself {sequence}"
    if previous != known[1]:
        return "edit", "its stream's previous event is not the one it names by hash"
    return "edit", "its stream's chain is broken"


def _scan_full(part: Part, lines: list[bytes], offset: int) -> None:
    """Describe every event, for the diagnosis: nothing is assumed of its shape but index, tab and JSON."""
    hashes: list[bytes] = []
    previous: list[bytes] = []
    part.count = len(lines)
    for position, line in enumerate(lines):
        try:
            label, body = split_line(line)
            expired = body[:1] == b"-"
            document = None if expired else parse_body(body)
            hashes.append(expired_hash(body) if expired else leaf_hash(body))
        except ValueError as error:
            raise _BadLine(position, str(error)[:80]) from None
        described = document if isinstance(document, dict) else {}
        part.labels.append(label)
        part.offsets.append(offset + len(line) - len(body))
        offset += len(line) + 1
        part.events.append(_small(described.get("event")))
        part.numbers.append(_small(described.get("stream_seq")))
        stream = described.get("stream")
        part.streams.append(stream_key(stream.encode("utf-8", "surrogatepass")) if isinstance(stream, str) else 0)
        instant = micros(described.get("at"))
        part.times.append(-1 if instant is None else max(instant, 0))
        named: Any = described.get("prev_hash")
        previous.append(bytes.fromhex(named) if is_hash(named) else bytes(32))
        if expired:
            part.expired.append(label)
    part.hashes, part.previous = b"".join(hashes), b"".join(previous)


def _small(value: Any) -> int:
    return value if type(value) is int and 0 <= value < LIMIT_COUNT else -1


def stretches(path: Path, *, full: bool) -> Iterator[Task]:
    """Cut events.jsonl at line ends; raises Damaged for endless or cut lines."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = 0
        while start < size:
            stop = min(start + CHUNK, size)
            file.seek(stop - 1)
            rest = file.readline(LIMIT_LINE + 1)
            if not rest.endswith(b"\n"):
                why = "has a line that is too long" if len(rest) > LIMIT_LINE else "ends in the middle of a line"
                raise Damaged(f"{EVENTS} {why}")
            stop += len(rest) - 1
            yield Task(str(path), start, stop, full)
            start = stop


def digest(path: str) -> str:
    """SHA-256 of a file, or why it cannot be read."""
    found = sha256()
    try:
        with open_regular(Path(path)) as file:
            while data := file.read(1 << 20):
                found.update(data)
    except Damaged as error:
        return str(error)
    return found.hexdigest()


class Workers:
    """Two processes, or this one where processes cannot be had. Results come in order; few wait at a time."""

    def __init__(self, count: int, prepared: tuple[list[int], list[str], list[str]]) -> None:
        self.pool: Executor | None = None
        prepare_worker(*prepared)
        if count > 1:
            methods = multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("fork" if "fork" in methods else None)
            try:
                self.pool = ProcessPoolExecutor(count, context, prepare_worker, prepared)
            except (OSError, NotImplementedError, ImportError):
                self.pool = None

    def __enter__(self) -> Workers:  # noqa: PYI034 (typing.Self is of Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def map(self, act: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[Any]:
        if self.pool is None:
            yield from map(act, tasks)
            return
        waiting: deque[Future[Any]] = deque()
        for task in tasks:
            waiting.append(self.pool.submit(act, task))
            if len(waiting) >= 6:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


# ---------------------------------------------------------------------------------------------- verification


@dataclass
class Bundle:
    """An opened bundle and what is known to be true of its log from signatures and from elsewhere."""

    folder: Path
    manifest: Manifest
    heads: list[Head]
    outside: list[Head]
    edges: list[Edge]

    @property
    def events(self) -> Path:
        return self.folder / EVENTS

    def frontier(self) -> Frontier:
        """The cover of everything before the first event; raises Damaged."""
        found, start = Frontier(), self.manifest.start
        if start:
            before = [edge for edge in self.edges if edge.start == 0 and edge.stop == start]
            if not before:
                raise Damaged(f"{EDGES} has not the subtrees before index {start}")
            found.extend(start, before[0].nodes)
        return found

    def edges_after(self, stop: int) -> list[Edge]:
        """The edges that continue the log from `stop`, one after the other."""
        by_start = {edge.start: edge for edge in self.edges if edge.start >= stop}
        found = []
        while stop in by_start:
            found.append(by_start[stop])
            stop = found[-1].stop
        return found

    def points(self) -> list[tuple[int, bytes, int | None]]:
        """(size, root, time) that must hold, by size: valid heads, and those from elsewhere that contradict none."""
        found: dict[int, tuple[bytes, int | None]] = {}
        for head in [*self.heads, *self.outside]:
            if head.valid and head.size >= self.manifest.start:
                root, at = found.get(head.size, (head.root, head.instant))
                if root == head.root and at is not None and head.instant is not None:
                    at = min(at, head.instant)
                found[head.size] = root, at
        return [(size, *found[size]) for size in sorted(found)]


@dataclass
class Scan:
    """What the usual pass over the events found."""

    count: int = 0
    regular: bool = True
    leaves_agree: bool = True
    roots: dict[int, bytes] = field(default_factory=dict)
    reach: int = 0
    findings: list[Finding] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    expiries: list[tuple[int, Any]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    unchecked: int = 0


def prepared(points: list[tuple[int, bytes, int | None]]) -> tuple[list[int], list[str], list[str]]:
    """Sizes of the heads, and the earliest and latest time of the events before, between and after them."""
    sizes = [size for size, _, _ in points]
    times = [at for _, _, at in points]
    floors = ["", *("" if at is None else stamp(at - TOLERANCE) for at in times)]
    ceilings = [*("~" if at is None else stamp(at + TOLERANCE) for at in times), "~"]
    return sizes, floors, ceilings


def run_scan(bundle: Bundle, workers: Workers) -> Scan:
    """Hash every event, compare with leaves.bin, follow the streams, note the root at every head; raises Damaged."""
    found = Scan()
    frontier = bundle.frontier()
    found.roots[frontier.size] = frontier.root()
    chains = Chains(complete=bundle.manifest.start == 0)
    names = [name for name in bundle.manifest.digests if name != EVENTS]
    jobs: Iterator[tuple[Callable[[Any], Any], Any]] = itertools.chain(
        [(digest, str(bundle.events))], ((scan, task) for task in stretches(bundle.events, full=False))
    )
    with open_regular(bundle.folder / LEAVES) as leaves:
        for part in workers.map(perform, jobs):
            if isinstance(part, str):
                found.digests[EVENTS] = part
                continue
            if part.damage is not None:
                line, why = part.damage
                raise Damaged(f"{EVENTS} line {found.count + line + 1} is damaged: {why}")
            found.count += part.count
            found.regular = found.regular and part.regular and part.first == frontier.size
            if not found.regular or part.count == 0:
                continue
            for stop, nodes in part.covers:
                frontier.extend(stop, nodes)
                found.roots[stop] = frontier.root()
            found.leaves_agree = found.leaves_agree and leaves.read(len(part.hashes)) == part.hashes
            chains.take(part, found)
        found.leaves_agree = found.leaves_agree and not leaves.read(1)
    found.reach = frontier.size
    if found.regular and frontier.size == bundle.manifest.stop:
        for edge in bundle.edges_after(frontier.size):
            frontier.extend(edge.stop, edge.nodes)
            found.roots[edge.stop] = frontier.root()
        found.reach = frontier.size
    for name in names:
        found.digests[name] = digest(str(bundle.folder / name))
    found.unchecked = chains.dropped
    return found


def perform(job: tuple[Callable[[Any], Any], Any]) -> Any:
    act, argument = job
    return act(argument)


class Chains:
    """The last number and hash of every stream met, to join the stretches; the oldest are dropped past a bound."""

    def __init__(self, *, complete: bool) -> None:
        self.complete = complete
        self.last: dict[int, bytes] = {}
        self.gone: set[bytes] = set()
        self.dropped = 0

    def take(self, part: Part, found: Scan) -> None:
        found.expired.extend(part.expired)
        found.expiries.extend(part.expiries)
        for index in part.expired[: max(0, EXPIRED_KEPT - len(self.gone))]:
            at = (index - part.first) * 32
            self.gone.add(part.hashes[at : at + 8])
        expiring = bool(found.expired)
        for number, key in enumerate(part.opens):
            named = part.named[16 * number : 16 * number + 16]
            if self.last.get(key) == named:
                continue
            gone = expiring and (named[8:] in self.gone or len(found.expired) > EXPIRED_KEPT)
            if not gone and (wrong := self._opening(key, named)):
                found.findings.append(_signed_break(wrong[0], part.opened[number], wrong[1]))
        for index, kind, why in part.breaks:
            # A gap that expired events explain is not one.
            if not (expiring and kind == "delete"):
                found.findings.append(_signed_break(kind, index, why))
        self.last.update(zip(part.opens, part.ends))  # noqa: B905 (as many, in one order)
        while len(self.last) > STREAMS_KEPT:
            del self.last[next(iter(self.last))]
            self.dropped += 1

    def _opening(self, key: int, named: bytes) -> tuple[str, str] | None:
        """What is wrong with a stretch's first event of a stream: class and reason."""
        known = self.last.get(key)
        before = int.from_bytes(named[:8], "big")
        if known is not None:
            return _break((int.from_bytes(known[:8], "big"), known[8:]), before + 1, named[8:])
        if self.complete and not self.dropped and named != bytes(16):
            return "delete", f"it calls itself number {before + 1} of a stream that has no event before it"
        return None


def _signed_break(kind: str, index: int, why: str) -> Finding:
    return Finding(kind, f"{why}; a signed head covers it: it was so when it was signed", index)


@dataclass
class Result:
    """The outcome: findings by weight, remarks, and what is proven when there is no finding."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    proven: str = ""

    @property
    def code(self) -> int:
        return EXIT[self.findings[0].kind] if self.findings else EXIT["ok"]


def verify(folder: Path, keys: dict[str, Ed25519PublicKey], heads: list[str], anchors: list[str], count: int) -> Result:
    """Verify a bundle; raises Damaged or Usage."""
    manifest = read_manifest(folder)
    found = read_heads(folder, manifest.log, keys)
    outside = [head for path in heads for head in read_outside(path, manifest.log, keys, anchor=False)]
    outside += [head for path in anchors for head in read_outside(path, manifest.log, keys, anchor=True)]
    bundle = Bundle(folder, manifest, found, outside, read_edges(folder))
    for name in manifest.digests:
        open_regular(folder / name).close()
    result = Result()
    if not found:
        raise Damaged(f"{HEADS} is empty: nothing is signed")
    for head in outside:
        if not head.valid:
            result.findings.append(Finding("key", f"{head.source} is not signed by a key given"))
    if not any(head.valid for head in found):
        ids = ", ".join(sorted({head.key_id[:16] for head in found})[:3])
        text = f"none of the {len(found)} heads is signed by a key given (they name {ids}): nothing is proven"
        result.findings.append(Finding("key", text))
        return result
    _contradictions(bundle, result)
    if not result.findings:
        with Workers(count, prepared(bundle.points())) as workers:
            _judge(bundle, run_scan(bundle, workers), workers, result)
    return result


def _contradictions(bundle: Bundle, result: Result) -> None:
    """Two signed heads that cannot both be true."""
    sizes: dict[int, Head] = {}
    for head in sorted([*bundle.heads, *bundle.outside], key=lambda one: one.size):
        other = sizes.setdefault(head.size, head) if head.valid else head
        if other.root != head.root:
            text = f"two heads of size {head.size} have different roots ({other.source}, {head.source})"
            result.findings.append(Finding("fork", text, None, None))
            return


def _judge(bundle: Bundle, found: Scan, workers: Workers, result: Result) -> None:
    manifest = bundle.manifest
    points = bundle.points()
    wrong = [size for size, root, _ in points if size in found.roots and found.roots[size] != root]
    own = {head.size for head in bundle.heads if head.valid}
    agreed = max((size for size in own if size in found.roots and size not in wrong), default=-1)
    if found.regular and wrong and wrong[0] not in own and agreed >= wrong[0]:
        agreeing = (head.size for head in bundle.outside if found.roots.get(head.size) == head.root)
        since = max((size for size in agreeing if size < wrong[0]), default=manifest.start)
        text = f"the log's own head of size {agreed} holds for this bundle, the head of size {wrong[0]} obtained "
        text += "elsewhere does not: the log was signed in two versions"
        result.findings.append(Finding("fork", text, since, wrong[0] - 1))
        return
    if manifest.start in wrong and found.regular:
        raise Damaged(f"the subtrees before index {manifest.start} in {EDGES} are not those of the signed head")
    short = found.regular and manifest.start + found.count != manifest.stop
    if wrong or short or not found.regular:
        result.findings.extend(_forks(wrong, own, Diagnosis(bundle, workers).findings()))
        result.findings.sort(key=lambda one: (not one.proven, one.first is None, one.first or 0))
    if not result.findings:
        _ends(bundle, found, result)
    if not result.findings:
        result.findings.extend(sorted(found.findings, key=lambda one: one.first or 0))
        result.findings.extend(_expiries(found))
    forged = [head for head in bundle.heads if not head.valid]
    for head in forged[:5]:
        text = f"{head.source} (size {head.size}, key {head.key_id[:16]}) is not signed by a key given"
        result.findings.append(Finding("key", text))
    _files(bundle, found, result)
    if not result.findings:
        _conclude(bundle, found, result)


def _forks(wrong: list[int], own: set[int], findings: list[Finding]) -> list[Finding]:
    """What nothing but a head from elsewhere contradicts is another version of the log, unless it is known better."""
    if not wrong or own.intersection(wrong):
        return findings
    text = "the bundle's own heads hold, the head obtained elsewhere does not: another version of the log; "
    return [
        one if one.proven else Finding("fork", text + one.text, one.first, one.last, proven=False) for one in findings
    ]


def _ends(bundle: Bundle, found: Scan, result: Result) -> None:
    """Whether the bundle reaches every head known, and every event is under one."""
    manifest = bundle.manifest
    newest = max((head for head in bundle.heads if head.valid), key=lambda head: head.size)
    beyond = [head for head in [*bundle.heads, *bundle.outside] if head.valid and head.size > found.reach]
    if beyond:
        head = beyond[0]
        text = f"the bundle ends at {found.reach}, the head of size {head.size} ({head.source}, {head.at}) was signed"
        if head.instant is not None and newest.instant is not None and head.instant < newest.instant:
            text += f" before the bundle's own head of size {newest.size}: the log was rolled back"
        result.findings.append(Finding("truncate", f"{text}; these are missing", found.reach, head.size - 1))
    covered = max((size for size, _, _ in bundle.points() if size in found.roots), default=manifest.start)
    heads_changed = found.digests[HEADS] != manifest.digests[HEADS]
    if covered < manifest.stop and any(not head.valid and head.size > covered for head in bundle.heads):
        text = f"only heads not signed by a key given cover the events from {covered}"
        result.findings.append(Finding("key", text, covered, manifest.stop - 1))
    elif covered < manifest.stop and not heads_changed:
        text = f"no signed head covers the events after {covered - 1}: added after the last head"
        result.findings.append(Finding("insert", text, covered, manifest.stop - 1))
    elif max(covered, newest.size) < max(manifest.size, manifest.stop):
        text = (
            f"the manifest speaks of a head of {manifest.size}, the newest here is of {newest.size}: heads are missing"
        )
        result.findings.append(Finding("truncate", text, newest.size, max(manifest.size, manifest.stop) - 1))


def _expiries(found: Scan) -> list[Finding]:
    """Expired events that no later signed event `audit.expired` covers."""
    covers: list[tuple[int, int, int]] = []
    for index, after in found.expiries:
        ranges = after.get("ranges") if isinstance(after, dict) else None
        usable = [one for one in ranges if _is_range(one)] if isinstance(ranges, list) else []
        covers.extend((first, min(stop, index), index) for first, stop in usable)
    covers.sort()
    missing: list[int] = []
    at, reached = 0, -1
    for index in found.expired:
        while at < len(covers) and covers[at][0] <= index:
            reached = max(reached, covers[at][1])
            at += 1
        if index >= reached:
            missing.append(index)
    text = "the event's body is gone and no later signed event audit.expired covers it"
    return [Finding("delete", text, first, last) for first, last in runs(missing)]


def _is_range(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and all(_small(edge) >= 0 for edge in one)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of each contiguous run."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def _files(bundle: Bundle, found: Scan, result: Result) -> None:
    """Files that are not what the manifest lists: the cause of a finding, or damage of their own."""
    changed = sorted(name for name, wanted in bundle.manifest.digests.items() if found.digests.get(name) != wanted)
    if changed:
        text = f"{', '.join(changed)}: not as the manifest lists"
        if result.findings:
            result.notes.append(text)
        else:
            result.findings.append(Finding("damaged", f"{text}; the events are those of the signed heads"))
    if not found.leaves_agree and found.regular and not result.findings:
        text = f"{LEAVES} is not of these events, which are those of the signed heads"
        result.findings.append(Finding("damaged", text))


def _conclude(bundle: Bundle, found: Scan, result: Result) -> None:
    manifest = bundle.manifest
    newest = max((head for head in bundle.heads if head.valid), key=lambda head: head.size)
    result.proven = f"{found.count} events, {manifest.start}..{manifest.stop - 1}" if found.count else "no events"
    elsewhere = [head for head in bundle.outside if head.size in found.roots]
    if elsewhere:
        last = max(elsewhere, key=lambda head: head.size)
        result.proven += f"; complete up to size {last.size}, which {last.source} vouches for"
    result.proven += f"; as of head {newest.size}, signed {newest.at} by {newest.key_id}, root {newest.root.hex()}"
    for head in bundle.outside:
        if head.size not in found.roots:
            result.notes.append(f"{head.source} (size {head.size}) is not comparable: the bundle has no such size")
    if found.unchecked:
        result.notes.append(f"{found.unchecked} streams were too many to follow to their end")
    for name in sorted({path.name for path in bundle.folder.iterdir()} - {*manifest.digests, "manifest.json"})[:5]:
        result.notes.append(f"{name[:80]!r} is not part of the bundle and was not looked at")


# ---------------------------------------------------------------------------------------------- diagnosis


class _OutOfTime(Exception):
    """The search has taken as long as it may."""


# A guess at the true leaves of a segment: runs of presented events (position, length) and single leaf hashes.
Piece = Union[tuple[int, int], bytes]  # noqa: UP007 (evaluated at run time: Python 3.9)


class Segment:
    """The leaves [start, stop) between two signed heads, and the root they must give with what surrounds them."""

    def __init__(self, frontier: Frontier, stop: int, edges: list[Edge], root: bytes, hashes: bytes) -> None:
        self.before, self.start, self.stop, self.edges, self.wanted = frontier, frontier.size, stop, edges, root
        self.hashes = hashes
        self.deadline = time.monotonic() + STAGE_SECONDS
        self.known: dict[tuple[int, int], bytes] = {}

    def leaf(self, position: int) -> bytes:
        return self.hashes[32 * position : 32 * position + 32]

    def run(self, position: int, length: int) -> list[bytes]:
        return [self.leaf(place) for place in range(position, position + length)]

    def subtree(self, level: int, position: int) -> bytes:
        """Hash of 2^level presented events from `position`, remembered."""
        if not level:
            return self.leaf(position)
        found = self.known.get((level, position))
        if found is None:
            half = 1 << (level - 1)
            found = node_hash(self.subtree(level - 1, position), self.subtree(level - 1, position + half))
            self.known[level, position] = found
        return found

    def fits(self, pieces: list[Piece]) -> bool:
        """Whether the guess hashes to the signed root; raises _OutOfTime."""
        if time.monotonic() > self.deadline:
            raise _OutOfTime
        starts, total = [], 0
        for piece in pieces:
            starts.append(total)
            total += 1 if isinstance(piece, bytes) else piece[1]
        if total != self.stop - self.start:
            return False
        nodes, index = [], self.start
        for level in levels_between(self.start, self.stop):
            nodes.append(self._node(pieces, starts, level, index - self.start))
            index += 1 << level
        return self._root(nodes) == self.wanted

    def _node(self, pieces: list[Piece], starts: list[int], level: int, place: int) -> bytes:
        number = bisect.bisect_right(starts, place) - 1
        piece = pieces[number]
        if isinstance(piece, bytes):
            if not level:
                return piece
        elif place + (1 << level) <= starts[number] + piece[1]:
            return self.subtree(level, piece[0] + place - starts[number])
        half = 1 << (level - 1)
        return node_hash(
            self._node(pieces, starts, level - 1, place), self._node(pieces, starts, level - 1, place + half)
        )

    def _root(self, nodes: list[bytes]) -> bytes:
        frontier = self.before.copy()
        frontier.extend(self.stop, nodes)
        for edge in self.edges:
            frontier.extend(edge.stop, edge.nodes)
        return frontier.root()

    def fits_hashes(self, hashes: list[bytes]) -> bool:
        return len(hashes) == self.stop - self.start and self._root(cover(hashes, self.start)) == self.wanted

    def leaves(self, pieces: list[Piece]) -> list[bytes]:
        found: list[bytes] = []
        for piece in pieces:
            found.extend([piece] if isinstance(piece, bytes) else self.run(*piece))
        return found


@dataclass
class Guess:
    """Pieces, the number of presented events they use up, and what they say of streams rewritten after them."""

    pieces: list[Piece]
    used: int
    dirty: dict[int, Any] = field(default_factory=dict)
    spare: int | None = None
    # True leaves of presented events that differ only in number and the hash they name.
    links: dict[int, bytes] = field(default_factory=dict)


class Diagnosis:
    """Find the true leaves, segment by segment, as far as they can be proven; name what was done to them."""

    def __init__(self, bundle: Bundle, workers: Workers) -> None:
        self.bundle, self.workers = bundle, workers
        self.labels, self.offsets = array("q"), array("q")
        self.event_ids, self.times, self.numbers = array("q"), array("q"), array("q")
        self.streams = array("Q")
        self.hashes, self.previous = b"", b""
        self.edited: dict[int, bytes] = {}
        self.lost: list[tuple[int, int, bytes]] = []
        self.dirty: dict[int, tuple[int, bytes]] = {}
        self.spare: list[int] = []
        self.links: dict[int, bytes] = {}
        self.file: BinaryIO | None = None

    # -- what is presented

    def _load(self) -> None:
        hashes, previous = bytearray(), bytearray()
        lines = 0
        for part in self.workers.map(scan, stretches(self.bundle.events, full=True)):
            if part.damage is not None:
                raise Damaged(f"{EVENTS} line {lines + part.damage[0] + 1} is damaged: {part.damage[1]}")
            lines += part.count
            if lines > LARGEST_DIAGNOSIS:
                return
            for mine, its in (
                (self.labels, part.labels),
                (self.offsets, part.offsets),
                (self.event_ids, part.events),
                (self.times, part.times),
                (self.numbers, part.numbers),
                (self.streams, part.streams),
            ):
                mine.extend(its)
            hashes += part.hashes
            previous += part.previous
        self.hashes, self.previous = bytes(hashes), bytes(previous)
        self._link()

    def _link(self) -> None:
        """Note which events are contradicted by the event that names them, and which are named but absent."""
        last: dict[int, int] = {}
        for place, stream in enumerate(self.streams):
            if self.numbers[place] < 0:
                continue
            before = last.get(stream, -1)
            named = self.named(place)
            if before >= 0 and named != self.leaf(before):
                if self.numbers[place] == self.numbers[before] + 1:
                    self.edited[before] = named
                else:
                    self.lost.append((before, place, named))
            elif before < 0 and self.numbers[place] > 1 and self.bundle.manifest.start == 0:
                self.lost.append((before, place, named))
            last[stream] = place

    def leaf(self, place: int) -> bytes:
        return self.hashes[32 * place : 32 * place + 32]

    def named(self, place: int) -> bytes:
        return self.previous[32 * place : 32 * place + 32]

    def body(self, place: int) -> bytes:
        if self.file is None:
            self.file = open_regular(self.bundle.events)
        self.file.seek(self.offsets[place])
        return self.file.readline(LIMIT_LINE + 1)[:-1]

    def document(self, place: int) -> dict[str, Any] | None:
        """The parsed body, if writing it again gives the same text."""
        body = self.body(place)
        try:
            found = parse_body(body)
            return found if isinstance(found, dict) and canonical_deep(found) == body else None
        except (ValueError, RecursionError, TypeError):
            return None

    # -- the walk

    def findings(self) -> list[Finding]:
        """Return the findings, proven ones first where both are known."""
        self._load()
        if not self.hashes and self.labels:
            return [self._coarse()]
        true, unsolved = self._restore()
        found = Comparison(self, true, len(self.hashes) if unsolved is None else unsolved[0] * 32).findings()
        if unsolved is not None:
            place, start, stop = unsolved
            found.append(Suspicion(self, place, start, stop).finding())
        if not found and list(self.labels) != list(range(self.bundle.manifest.start, len(self.labels))):
            found = self._labels()
        if self.file is not None:
            self.file.close()
        return found

    def _coarse(self) -> Finding:
        text = f"more than {LARGEST_DIAGNOSIS} events: export a shorter range to name it exactly"
        return Finding("edit", text, self.bundle.manifest.start, self.bundle.manifest.stop - 1, proven=False)

    def _labels(self) -> list[Finding]:
        wanted = self.bundle.manifest.start
        for place, label in enumerate(self.labels):
            if label != wanted + place:
                kind = "reorder" if sorted(self.labels) == list(range(wanted, wanted + len(self.labels))) else "insert"
                return [Finding(kind, f"line {place + 1} calls itself {label}", wanted + place)]
        return []

    def _leaves(self) -> bytes:
        with open_regular(self.bundle.folder / LEAVES) as file:
            found = file.read(32 * LARGEST_DIAGNOSIS + 1)
        return found if len(found) % 32 == 0 else b""

    def _restore(self) -> tuple[bytearray, tuple[int, int, int] | None]:
        """The true leaves as far as proven, and (place, start, stop) of the first segment that stays unknown."""
        bundle, true, place = self.bundle, bytearray(), 0
        begin = bundle.manifest.start
        leaves = self._leaves()
        frontier = bundle.frontier()
        if bundle.edges_after(bundle.manifest.stop):
            limit = bundle.manifest.stop
        else:
            limit = max(size for size, _, _ in bundle.points())
        for size, root, _ in bundle.points():
            if size <= begin or frontier.size >= limit:
                continue
            stop = min(size, limit)
            edges = [edge for edge in bundle.edges_after(limit) if edge.stop <= size] if size > limit else []
            if size > limit and (not edges or edges[-1].stop != size):
                continue
            segment = Segment(frontier, stop, edges, root, self.hashes)
            offset = 32 * (frontier.size - begin)
            tile = leaves[offset : offset + 32 * (stop - frontier.size)]
            guess = self._guess(segment, place, [tile[i : i + 32] for i in range(0, len(tile), 32)])
            if guess is None:
                return true, (place, frontier.size, stop)
            hashes = segment.leaves(guess.pieces)
            true += b"".join(hashes)
            frontier.extend(stop, cover(hashes, frontier.size))
            place += guess.used
            self.dirty = {key: state for key, state in {**self.dirty, **guess.dirty}.items() if state is not None}
            if guess.spare is not None:
                self.spare.append(guess.spare)
            self.links = {**guess.links, **self.links}
        if frontier.size < bundle.manifest.stop:
            # Nothing is signed from here on: take it as it stands, _ends() speaks of it.
            true += self.hashes[32 * place :]
        return true, None

    def _guess(self, segment: Segment, place: int, tile: list[bytes]) -> Guess | None:
        length = segment.stop - segment.start
        here = min(length, max(0, len(self.labels) - place))
        if not self.dirty and here == length and segment.fits_hashes(segment.run(place, length)):
            return Guess([(place, length)], length)
        if segment.fits_hashes(tile):
            return Guess(list(tile), self._aligned(tile, place, length))
        if length > LARGEST_SEARCH:
            return None
        for guesses in Search(self, segment, place, tile).stages():
            # Each kind of guess has its share of the time, so that none starves the others.
            segment.deadline = time.monotonic() + STAGE_SECONDS
            try:
                for guess in guesses:
                    if segment.fits(guess.pieces):
                        return guess
            except _OutOfTime:
                continue
        return None

    def _aligned(self, tile: list[bytes], place: int, length: int) -> int:
        """The number of presented events that a segment known from leaves.bin stands for."""
        near = {self.leaf(at): at for at in range(max(0, place - 64), min(len(self.labels), place + length + 64))}
        for back, leaf in enumerate(reversed(tile[-256:])):
            if leaf in near:
                return max(0, near[leaf] + 1 + back - place)
        return min(length, len(self.labels) - place)


def canonical_deep(value: Any) -> bytes:
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_sorted(one) for one in value]
    return value


class Search:
    """Guesses at the true leaves of one segment, the likely first. Only one that gives the signed root is believed."""

    def __init__(self, diagnosis: Diagnosis, segment: Segment, place: int, tile: list[bytes]) -> None:
        self.of, self.segment, self.place, self.tile = diagnosis, segment, place, tile
        self.length = segment.stop - segment.start
        self.past = len(diagnosis.labels)
        self.end = min(place + self.length, self.past)
        self.inside = range(place, self.end)
        self.members: dict[int, list[int]] = {}
        for at in range(place, min(self.end + 64, self.past)):
            self.members.setdefault(diagnosis.streams[at], []).append(at)
        # What earlier tampering makes of this segment: its streams were linked anew from there on.
        self.carried = self._linked(set(diagnosis.dirty), self._usual)

    def stages(self) -> Iterator[Iterator[Guess]]:
        """Kinds of guesses, the likely and cheap first."""
        yield self._as_it_is()
        yield self._edits()
        yield self._orders()
        yield self._inserts((1,))
        yield self._deletes()
        yield self._returns()
        yield self._inserts((2, 3, 4, 5, 6, 7, 8, 16, 32, 64))
        yield self._exchanges()
        yield self._moves()
        yield self._backdates()

    def _as_it_is(self) -> Iterator[Guess]:
        whole = [(self.place, self.length)]
        if self.carried[0]:
            yield self._guess(whole, self.length, self.carried)
        yield self._guess(whole, self.length, ({}, {}))

    # -- chains written anew

    def _usual(self, stream: int) -> list[int]:
        return [at for at in self.members.get(stream, ()) if at < self.end]

    def _linked(
        self, touched: set[int], order: Callable[[int], list[int]], known: dict[int, bytes] | None = None
    ) -> tuple[dict[int, bytes], dict[int, Any]]:
        """Leaves of the touched streams' events, numbered and linked in the order given, and where they stand after.

        A stream's state is None where what is presented after this segment follows on as it is.
        """
        changed, states = dict(known or {}), {}
        for stream in touched:
            shown, mine = self._usual(stream), order(stream)
            if not shown and not mine:
                continue
            first = shown[0] if shown else mine[0]
            number, last = self.of.dirty.get(stream) or (self.of.numbers[first] - 1, self.of.named(first))
            for at in mine:
                if known and at in known:
                    number, last = number + 1, known[at]
                elif self.of.numbers[at] == number + 1 and self.of.named(at) == last:
                    number, last = number + 1, self.of.leaf(at)
                else:
                    number, last = number + 1, self._following(at, number + 1, last)
                    changed[at] = last
            follows = bool(shown) and (number, last) == (self.of.numbers[shown[-1]], self.of.leaf(shown[-1]))
            states[stream] = None if follows else (number, last)
        return changed, states

    def _following(self, at: int, number: int, last: bytes) -> bytes:
        """The leaf hash of an event with that number, naming that hash."""
        document = self.of.document(at)
        if document is None:
            return self.of.leaf(at)
        document["stream_seq"], document["prev_hash"] = number, last.hex() if any(last) else None
        return leaf_hash(canonical_deep(document))

    def _guess(
        self, runs_of: list[tuple[int, int]], used: int, linked: tuple[dict[int, bytes], dict[int, Any]]
    ) -> Guess:
        """Make pieces of runs, cut to the segment's length, with changed leaves in their places."""
        changed, states = linked
        pieces: list[Piece] = []
        left = self.length
        for start, length in runs_of:
            stop = min(start + min(length, left), self.past)
            left -= max(0, stop - start)
            for at in sorted(at for at in changed if start <= at < stop):
                if at > start:
                    pieces.append((start, at - start))
                pieces.append(changed[at])
                start = at + 1  # noqa: PLW2901 (the run goes on after it)
            if start < stop:
                pieces.append((start, stop - start))
        return Guess(pieces, used, states, links=changed)

    def _both(
        self, runs_of: list[tuple[int, int]], used: int, touched: set[int], order: Callable[[int], list[int]]
    ) -> Iterator[Guess]:
        """As presented, and with the touched streams linked anew."""
        changed, states = self._linked(touched, order)
        if not changed:
            # Whether the stream was linked anew shows only in a later segment.
            yield self._guess(runs_of, used, (self.carried[0], {**self.carried[1], **states}))
        else:
            yield self._guess(runs_of, used, self.carried)
            both = {**self.carried[0], **changed}
            for stream in touched:
                for at in self._usual(stream):
                    if at in both and at not in changed:
                        del both[at]
            yield self._guess(runs_of, used, (both, {**self.carried[1], **states}))

    # -- one class after the other

    def _edits(self) -> Iterator[Guess]:
        """An event whose successor names another hash for it; all such together, then each alone."""
        known = {at: leaf for at, leaf in self.of.edited.items() if self.place <= at < self.end}
        whole = [(self.place, self.length)]
        ones = [{at: leaf} for at, leaf in itertools.islice(known.items(), 64)]
        for some in [known, *ones] if known else []:
            guess = self._guess(whole, self.length, ({**self.carried[0], **some}, self.carried[1]))
            guess.links = self.carried[0]
            yield guess

    def _inserts(self, widths: tuple[int, ...]) -> Iterator[Guess]:
        """Without one event, or without some in a row; its stream as it is, and linked without it."""
        for width in widths:
            for at in range(self.place, min(self.place + self.length + 1, self.past - width + 1)):
                runs_of = [(self.place, at - self.place), (at + width, self.place + self.length - at)]
                touched = {self.of.streams[one] for one in range(at, at + width)}

                def rest(stream: int, at: int = at, width: int = width) -> list[int]:
                    stop = self.place + self.length + width
                    mine = self.members.get(stream, ())
                    return [one for one in mine if one < stop and not at <= one < at + width]

                for guess in self._both(runs_of, self.length + width, touched, rest):
                    guess.spare = at if width == 1 else None
                    yield guess

    def _strays(self) -> list[bytes]:
        """Leaf hashes that may be missing here: named by others, taken out before, of events standing elsewhere."""
        found = [leaf for before, after, leaf in self.of.lost if after >= self.place and before < self.end]
        found += self.of.edited.values()
        found += [self.of.leaf(at) for at in self._elsewhere()]
        here = {self.of.leaf(at) for at in self.inside}
        found += [leaf for leaf in self.tile if leaf not in here][:32]
        return list(dict.fromkeys(leaf for leaf in found if any(leaf)))[:96]

    def _elsewhere(self) -> list[int]:
        """Events taken out before, and those that stand elsewhere and whose number belongs here."""
        events = self.of.event_ids
        near = sorted(events[at] for at in self.inside)
        if not near:
            return self.of.spare
        low, high = near[len(near) // 10] - 2, near[len(near) * 9 // 10] + 2
        others = itertools.chain(range(self.end, self.past), range(max(0, self.place - 4096), self.place))
        found = (at for at in itertools.islice(others, 500_000) if low <= events[at] <= high)
        return list(dict.fromkeys([*self.of.spare, *itertools.islice(found, 16)]))

    def _deletes(self) -> Iterator[Guess]:
        """With one event more, at every place."""
        for leaf in self._strays():
            for at in range(self.place, min(self.place + self.length, self.past + 1)):
                before = self._guess([(self.place, at - self.place)], 0, self.carried).pieces
                after = self._guess([(at, self.place + self.length - 1 - at)], 0, self.carried).pieces
                yield Guess([*before, leaf, *after], self.length - 1, self.carried[1])

    def _returns(self) -> Iterator[Guess]:
        """With an event of elsewhere brought back, its stream linked anew: where its number puts it, then anywhere."""
        for stray in self._elsewhere()[:8]:
            stream = self.of.streams[stray]
            places = sorted(
                range(self.place, min(self.place + self.length, self.past + 1)),
                key=lambda at, stray=stray: self._misplaced(at, stray),  # type: ignore[misc]
            )
            for to in places[: 64 if self.length > 512 else None]:
                runs_of = [(self.place, to - self.place), (stray, 1), (to, self.place + self.length - 1 - to)]

                def order(_: int, to: int = to, stray: int = stray, stream: int = stream) -> list[int]:
                    mine = [at for at in self._usual(stream) if at != stray and at < self.place + self.length - 1]
                    return sorted([*mine, stray], key=lambda at: to - 0.5 if at == stray else at)

                linked = self._linked({stream}, order)
                states = {**self.carried[1], **linked[1]}
                guess = self._guess(runs_of, self.length - 1, ({**self.carried[0], **linked[0]}, states))
                yield guess

    def _misplaced(self, at: int, stray: int) -> int:
        """How far from its place by number the stray would stand before `at`."""
        return abs(self.of.event_ids[min(at, self.past - 1)] - self.of.event_ids[stray] - 1)

    def _orders(self) -> Iterator[Guess]:
        """In the order of numbers, of times; with two exchanged of those that are out of it."""
        if len(self.inside) != self.length:
            return
        for key in (self.of.event_ids, self.of.times):
            yield from self._in_order(sorted(self.inside, key=key.__getitem__))
        for one, other in itertools.combinations(self._oddest(), 2):
            yield from self._exchanged(one, other)

    def _exchanges(self) -> Iterator[Guess]:
        """With two neighbours exchanged, or an odd one with any, or any two."""
        if len(self.inside) != self.length:
            return
        for one in self.inside[:-1]:
            yield from self._exchanged(one, one + 1)
        for one, other in itertools.product(self._oddest(), self.inside):
            if one != other:
                yield from self._exchanged(min(one, other), max(one, other))
        for one, other in itertools.combinations(self.inside, 2):
            yield from self._exchanged(one, other)

    def _moves(self) -> Iterator[Guess]:
        """With one moved to any place, the odd ones first."""
        if len(self.inside) != self.length:
            return
        odd = self._oddest()
        for one in [*odd, *sorted(set(self.inside) - set(odd))]:
            for other in self.inside:
                if one != other:
                    yield from self._moved(one, other)

    def _oddest(self) -> list[int]:
        inside = list(self.inside)
        return sorted({*self._odd(inside, self.of.event_ids), *self._odd(inside, self.of.times)})[:48]

    def _odd(self, inside: list[int], key: Sequence[int]) -> list[int]:
        kept = {inside[at] for at in longest_ascent([key[at] for at in inside])}
        return [at for at in inside if at not in kept]

    def _in_order(self, order: list[int]) -> Iterator[Guess]:
        runs_of = [(first, last - first + 1) for first, last in runs(order)]
        rank = {at: number for number, at in enumerate(order)}

        def ranked(stream: int) -> list[int]:
            return sorted(self._usual(stream), key=rank.__getitem__)

        touched = {stream for stream in self.members if self._usual(stream) != ranked(stream)}
        yield from self._both(runs_of, self.length, touched, ranked)

    def _exchanged(self, one: int, other: int) -> Iterator[Guess]:
        stop = self.place + self.length
        runs_of = [
            (self.place, one - self.place), (other, 1), (one + 1, other - one - 1), (one, 1),
            (other + 1, stop - other - 1),
        ]  # fmt: skip
        where = {one: other, other: one}
        touched = {self.of.streams[one], self.of.streams[other]}
        yield from self._both(
            runs_of, self.length, touched, lambda each: sorted(self._usual(each), key=lambda at: where.get(at, at))
        )

    def _moved(self, one: int, to: int) -> Iterator[Guess]:
        stop = self.place + self.length
        if to < one:
            runs_of = [(self.place, to - self.place), (one, 1), (to, one - to), (one + 1, stop - one - 1)]
        else:
            runs_of = [(self.place, one - self.place), (one + 1, to - one), (one, 1), (to + 1, stop - to - 1)]
        where = to - 0.5 if to < one else to + 0.5
        yield from self._both(
            runs_of,
            self.length,
            {self.of.streams[one]},
            lambda each: sorted(self._usual(each), key=lambda at: where if at == one else at),
        )

    def _backdates(self) -> Iterator[Guess]:
        """An event out of time, with every microsecond its neighbours leave it."""
        inside = list(self.inside)
        if len(inside) != self.length:
            return
        for at in self._odd(inside, self.of.times)[:4]:
            near = sorted(self.of.times[one] for one in range(max(0, at - 2), min(at + 3, self.past)) if one != at)
            for _, leaf in times_of(self.of.document(at), near, 50_000):
                changed, states = self._linked({self.of.streams[at]}, self._usual, {at: leaf})
                linked = {**self.carried[0], **changed}, {**self.carried[1], **states}
                guess = self._guess([(self.place, self.length)], self.length, linked)
                guess.links = {one: found for one, found in linked[0].items() if one != at}
                yield guess


def times_of(document: dict[str, Any] | None, near: list[int], most: int) -> Iterator[tuple[str, bytes]]:
    """Leaf hashes of an event with other times.

    First the time it has on other seconds near its neighbours', then all instants around those, nearest first.
    """
    if document is None or not near:
        return
    mark = "@" * 27
    before, _, after = canonical_deep({**document, "at": mark}).partition(f'"at":"{mark}"'.encode())
    if mark.encode() in after:
        return
    start, after = sha256(b"\x00" + before + b'"at":"'), b'"' + after
    for at in itertools.chain(_other_seconds(document.get("at"), near), _instants(near, most)):
        found = start.copy()
        found.update(at.encode() + after)
        yield at, found.digest()


def _other_seconds(at: Any, near: list[int]) -> Iterator[str]:
    instant = micros(at)
    if instant is not None:
        low, high = near[0] // 1_000_000 - 5, near[-1] // 1_000_000 + 6
        for second in range(low, min(high, low + 5000)):
            yield stamp(second * 1_000_000 + instant % 1_000_000)


def _instants(near: list[int], most: int) -> Iterator[str]:
    middle, reach = (near[0] + near[-1]) // 2, min(near[-1] - near[0] + 20_000, most // 2)
    second, text = None, ""
    for step in range(2 * reach):
        instant = middle + (step // 2 if step & 1 else -(step // 2))
        if instant // 1_000_000 != second:
            second = instant // 1_000_000
            text = stamp(instant)[:20]
        yield f"{text}{instant % 1_000_000:06d}Z"


def longest_ascent(values: Sequence[int]) -> list[int]:
    """Positions of a longest strictly ascending subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    came: list[int] = []
    for at, value in enumerate(values):
        place = bisect.bisect_left(tails, value)
        came.append(ends[place - 1] if place else -1)
        tails[place : place + 1] = [value]
        ends[place : place + 1] = [at]
    found, at = [], ends[-1] if ends else -1
    while at >= 0:
        found.append(at)
        at = came[at]
    return found[::-1]


class Comparison:
    """What was done to the true leaves to give the presented ones: both are known, so each finding is proven."""

    def __init__(self, of: Diagnosis, true: bytearray, size: int) -> None:
        self.of, self.start = of, of.bundle.manifest.start
        shown, real = of.hashes[:size], bytes(true)
        low, shown_end, real_end = 0, len(shown) // 32, len(real) // 32
        while low < min(shown_end, real_end) and shown[32 * low : 32 * low + 32] == real[32 * low : 32 * low + 32]:
            low += 1
        while shown_end > low and real_end > low and self._at(shown, shown_end - 1) == self._at(real, real_end - 1):
            shown_end, real_end = shown_end - 1, real_end - 1
        self.low, self.whole = low, real_end == len(real) // 32
        self.shown = {place: self._at(shown, place) for place in range(low, shown_end)}
        self.real = {place: self._at(real, place) for place in range(low, real_end)}
        self.pairs: dict[int, int] = {}
        self.relinked: dict[int, int] = {}
        self.states: dict[int, tuple[int, bytes]] = {}
        self.deadline = time.monotonic() + 20

    @staticmethod
    def _at(hashes: bytes, place: int) -> bytes:
        return hashes[32 * place : 32 * place + 32]

    def findings(self) -> list[Finding]:
        self._match()
        self._relink()
        kept = self._kept()
        found = self._moved(kept)
        foreign = sorted(set(self.shown) - set(self.pairs))
        missing = sorted(set(self.real) - set(self.pairs.values()))
        anchors = [*((place, self.pairs[place]) for place in kept), (1 << 60, 1 << 60)]
        strange: list[int] = []
        gone: list[int] = []
        for shown_stop, real_stop in anchors:
            these = [place for place in foreign if place < shown_stop]
            those = [place for place in missing if place < real_stop]
            foreign, missing = foreign[len(these) :], missing[len(those) :]
            both = min(len(these), len(those))
            found += [self._edit(one, other) for one, other in zip(these[:both], those[:both])]  # noqa: B905
            strange += these[both:]
            gone += those[both:]
        found += self._redated(strange, gone)
        found += [self._insert(first, last) for first, last in runs(strange)]
        found += [self._delete(first, last) for first, last in runs(gone)]
        if not found:
            found = [self._edited(place, place) for place in sorted(self.relinked)]
        elif self.relinked:
            text = f"; {len(self.relinked)} later events were linked anew to hide it"
            found[0] = Finding(found[0].kind, found[0].text + text, found[0].first, found[0].last)
        return sorted(found, key=lambda one: one.first or 0)

    def _match(self) -> None:
        where = {leaf: place for place, leaf in self.real.items()}
        taken: dict[int, int] = {}
        for place, leaf in self.shown.items():
            real = where.get(leaf)
            if real is None:
                continue
            other = taken.get(real)
            if other is None or self._beside(place, real):
                self.pairs.pop(-1 if other is None else other, None)
                self.pairs[place] = real
                taken[real] = place
        for place, leaf in self.of.links.items():
            if leaf in where and place in self.shown and place not in self.pairs and where[leaf] not in taken:
                self.pairs[place] = self.relinked[place] = where[leaf]

    def _beside(self, place: int, real: int) -> bool:
        after, before = self.shown.get(place + 1), self.shown.get(place - 1)
        return (after is not None and after == self.real.get(real + 1)) or (
            before is not None and before == self.real.get(real - 1)
        )

    def _relink(self) -> None:
        """Recognise events that differ from true ones only in number, event id and the hash they name."""
        foreign = [place for place in self.shown if place not in self.pairs]
        missing = {leaf: place for place, leaf in self.real.items() if place not in set(self.pairs.values())}
        if not foreign or not missing:
            return
        wanted = {self.of.streams[place] for place in foreign}
        for place in range(self.low):
            if self.of.streams[place] in wanted:
                self.states[self.of.streams[place]] = self.of.numbers[place], self.of.leaf(place)
        for place in self.shown:
            stream = self.of.streams[place]
            if place in self.pairs:
                self.states[stream] = self.of.numbers[place], self.shown[place]
            elif time.monotonic() < self.deadline:
                real = self._true_place(place, missing)
                if real is not None:
                    del missing[self.real[real]]
                    self.pairs[place] = self.relinked[place] = real

    def _true_place(self, place: int, missing: dict[bytes, int]) -> int | None:
        document = self.of.document(place)
        if document is None or self.of.numbers[place] < 0:
            return None
        stream, shown = self.of.streams[place], self.of.numbers[place]
        number, last = self.states.get(stream, (shown - 1, self.of.named(place)))
        firsts = [last, *itertools.islice(missing, 8), self.of.named(place)]
        for named, sequence, step in itertools.product(
            firsts, dict.fromkeys((number + 1, shown, shown + 1, shown - 1)), (0, -1, 1)
        ):
            document["stream_seq"], document["prev_hash"] = sequence, named.hex() if any(named) else None
            if type(document.get("event")) is int:
                document["event"] = self.of.event_ids[place] + step
            leaf = leaf_hash(canonical_deep(document))
            if leaf in missing:
                self.states[stream] = sequence, leaf
                return missing[leaf]
        return None

    def _kept(self) -> list[int]:
        places = sorted(self.pairs)
        return [places[at] for at in longest_ascent([self.pairs[place] for place in places])]

    def _moved(self, kept: list[int]) -> list[Finding]:
        stay = set(kept)
        moved = [(place, real) for place, real in sorted(self.pairs.items()) if place not in stay]
        if not moved:
            return []
        said = ", ".join(f"that of {self.start + real} stands at {self.start + place}" for place, real in moved[:4])
        text = f"{_events(1, len(moved))} out of place: {said}{' ...' if len(moved) > 4 else ''}"
        ends = [end for pair in moved for end in pair]
        return [Finding("reorder", text, self.start + min(ends), self.start + max(ends))]

    def _edit(self, place: int, real: int) -> Finding:
        index = self.start + real
        leaf = self.real[real]
        near = sorted(
            self.of.times[one] for one in range(max(0, place - 2), min(place + 3, len(self.of.times))) if one != place
        )
        document = self.of.document(place)
        at = document.get("at") if document else None
        for true_at, found in times_of(document, near, 600_000) if time.monotonic() < self.deadline else ():
            if found == leaf:
                return Finding("backdate", f"its time was {true_at} and was changed to {at}; nothing else was", index)
        if document is not None and near and self._out_of_time(place, near):
            text = f"its time {at} does not fit where it stands, and it is not the event that was signed"
            return Finding("backdate", text, index)
        return self._edited(place, real)

    def _edited(self, place: int, real: int) -> Finding:
        real = self.relinked.get(real, real)
        text = f"its leaf hash is {self.of.leaf(place).hex()[:16]}…, signed was {self.real[real].hex()[:16]}…"
        return Finding("edit", text, self.start + real)

    def _out_of_time(self, place: int, near: list[int]) -> bool:
        at = self.of.times[place]
        slack = max(1_000_000, near[-1] - near[0])
        return at >= 0 and not near[0] - slack <= at <= near[-1] + slack

    def _redated(self, strange: list[int], gone: list[int]) -> list[Finding]:
        """An event that was moved and given another time: put both right and see whether it is one that is missing."""
        found = []
        for place in strange[:2]:
            for real in gone[:2]:
                near = sorted(self.of.times[one] for one in range(max(0, real - 2), min(real + 3, len(self.of.times))))
                leaf = self.real[real]
                for true_at, candidate in times_of(self.of.document(place), near, 200_000):
                    if candidate == leaf:
                        text = f"the event of index {self.start + real}, of {true_at}, was moved and dated anew"
                        found.append(Finding("backdate", text, self.start + place))
                        strange.remove(place)
                        gone.remove(real)
                        return found
        return found

    def _insert(self, first: int, last: int) -> Finding:
        return Finding("insert", f"{_events(first, last)} the log never had", self.start + first, self.start + last)

    def _delete(self, first: int, last: int) -> Finding:
        if self.whole and last == max(self.real) and last >= max(self.pairs.values(), default=self.low - 1):
            text = f"{_events(first, last)} missing at the end, which a signed head covers"
            return Finding("truncate", text, self.start + first, self.start + last)
        return Finding("delete", f"{_events(first, last)} missing", self.start + first, self.start + last)


def _events(first: int, last: int) -> str:
    return "one event" if first == last else f"{last - first + 1} events"


# A class, why it is probable, and the index or the (first, last) it narrows down to.
Reason = tuple[str, str, Union[int, tuple[int, int], None]]  # noqa: UP007 (evaluated at run time: Python 3.9)


class Suspicion:
    """The most probable class of what is only known to have happened between two heads, and the narrowest range."""

    def __init__(self, of: Diagnosis, place: int, start: int, stop: int) -> None:
        self.of, self.place, self.start, self.stop = of, place, start, stop
        self.begin = of.bundle.manifest.start
        self.end = min(place + stop - start, len(of.labels))
        self.inside = range(place, self.end)

    def finding(self) -> Finding:
        where = f"between the signed heads of size {self.start} and {self.stop} the events are not those signed"
        kind, why, at = self._reason()
        at = (self.start, self.stop - 1) if at is None else at
        first, last = (at, at) if isinstance(at, int) else at
        text = f"{where} (proven); {why}; what follows cannot be vouched for"
        return Finding(kind, text, first, last, proven=False)

    def _reason(self) -> Reason:
        for witness in (self._twice, self._labels, self._chain, self._shift, self._disorder, self._misdated):
            found = witness()
            if found is not None:
                return found
        text = "numbers, times and counts fit, so nothing was added or taken away"
        return "edit", text, self.start if self.stop - self.start == 1 else None

    def _index(self, place: int) -> int:
        return self.start + place - self.place

    def _twice(self) -> Reason | None:
        seen: dict[int, int] = {}
        for place, event in enumerate(self.of.event_ids):
            if event >= 0 and event in seen and place >= self.place and seen[event] < self.end:
                return "insert", f"event {event} is there twice", self._index(place) if place < self.end else None
            seen[event] = place
        return None

    def _labels(self) -> Reason | None:
        for place in self.inside:
            wanted, label = self.begin + place, self.of.labels[place]
            if label != wanted:
                kind = "delete" if label > wanted else "insert"
                return kind, f"the line after index {wanted - 1} calls itself {label}", wanted
        return None

    def _chain(self) -> Reason | None:
        for before, after, _ in self.of.lost:
            if before < self.end and after >= self.place:
                text = f"the event at {self.begin + after} names one before it in its stream that is not there"
                return "delete", text, None
        for place in self.of.edited:
            if place in self.inside:
                return "edit", "the next event of its stream names another hash for it", self._index(place)
        return None

    def _misdated(self) -> Reason | None:
        times = self.of.times
        for place in self.inside:
            near = [times[at] for at in range(max(0, place - 3), min(place + 4, len(times))) if at != place]
            slack = max(1_000_000, 2 * (max(near) - min(near))) if len(near) < 3 else 1_000_000
            near = sorted(near)[1:-1] or near
            if near and not near[0] - slack <= times[place] <= near[-1] + slack:
                return "backdate", "its time does not fit its neighbours'", self._index(place)
        return None

    def _disorder(self) -> Reason | None:
        def odd(keys: Sequence[int], places: Sequence[int]) -> list[int]:
            kept = set(longest_ascent([keys[at] for at in places]))
            return [at for number, at in enumerate(places) if number not in kept]

        before = range(max(0, self.place - 2000), self.place)
        usual = len(odd(self.of.event_ids, before)) / max(1, len(before))
        found = odd(self.of.event_ids, self.inside)
        by_time = set(odd(self.of.times, self.inside))
        both = [at for at in found if at in by_time]
        if both and len(found) > 2 * usual * len(self.inside):
            return "reorder", "its number and its time are both out of order", self._index(both[0])
        if by_time and not found:
            place = min(by_time)
            return "backdate", "its time is out of order, its number is not", self._index(place)
        if found and len(found) > 2 * usual * len(self.inside):
            return "reorder", "its number is out of order", self._index(found[0])
        return None

    def _shift(self) -> Reason | None:
        """By how many places the events after the segment stand off what the later heads' times say of them."""
        heads = [(size, at) for size, _, at in self.of.bundle.points() if size >= self.stop and at is not None][:400]
        scores = {by: sum(self._splits(size - self.begin + by, at) for size, at in heads) for by in range(-8, 9)}
        best = max(scores, key=lambda by: (scores[by], -abs(by)))
        if best == 0 or scores[best] <= scores[0] or 2 * scores[best] < len(heads):
            short = max((size for size, _, _ in self.of.bundle.points()), default=0) - self.begin - len(self.of.labels)
            if not self.of.bundle.edges_after(self.of.bundle.manifest.stop) and short > 0:
                return self._fewer(short, f"{short} events fewer than the last head has")
            return None
        why = f"the times of the later heads fit with {_events(1, abs(best))} {'more' if best < 0 else 'less'} here"
        return self._fewer(-best, why) if best < 0 else ("insert", why, None)

    def _fewer(self, count: int, why: str) -> Reason:
        events = self.of.event_ids
        gaps = [at for at in self.inside if at and count < events[at] - events[at - 1] <= count + 1]
        if len(gaps) == 1:
            why += f", and event numbers skip before index {self._index(gaps[0])}"
            return "delete", why, self._index(gaps[0])
        if self.end == len(self.of.labels) and not gaps and self.stop > self.begin + len(self.of.labels):
            missing = self.begin + len(self.of.labels), max(size for size, _, _ in self.of.bundle.points()) - 1
            return "truncate", f"{why}, and no number is skipped before", missing
        return "delete", why, None

    def _splits(self, place: int, at: int) -> bool:
        times = self.of.times
        if not 0 < place <= len(times):
            return False
        return times[place - 1] <= at and (place == len(times) or at < times[place])


# ---------------------------------------------------------------------------------------------- disclosures


def check_disclosures(bundle: Path, path: str) -> tuple[list[Finding], list[str]]:
    """Check disclosed values against the commitments in their events; the events must have been verified before."""
    try:
        entries = strict_json(Path(path).read_bytes()[:LIMIT_SMALL], path)
    except OSError as error:
        raise Usage(f"{path} cannot be read ({error.strerror})") from None
    except Damaged as error:
        raise Usage(str(error)) from None
    found: list[Finding] = []
    notes: list[str] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        try:
            index, name = count_in(entry, "index", path), member(entry, "name", str, path)
            salt, value = bytes.fromhex(member(entry, "salt", str, path)), entry.get("value")
        except Damaged as error:
            raise Usage(str(error)) from None
        except ValueError:
            raise Usage(f"{path}: the salt is not hexadecimal") from None
        committed = _committed(bundle, index).get(name)
        mine = hmac.new(salt, canonical({"name": name, "value": value}), "sha256").hexdigest()
        if len(salt) != 32 or not is_hash(committed) or not hmac.compare_digest(mine, str(committed)):
            found.append(Finding("disclosure", f"{name[:40]!r} is not what the event is committed to", index))
        else:
            notes.append(f"disclosed {name[:40]!r} at index {index} is what the event is committed to")
    return found, notes


def _committed(bundle: Path, index: int) -> dict[str, Any]:
    wanted = b"%d\t" % index
    for _, line in lines_of(bundle / EVENTS, LIMIT_COUNT):
        if line.startswith(wanted):
            document = parse_body(line[len(wanted) :]) if line[len(wanted) :][:1] != b"-" else {}
            found = document.get("committed")
            return found if isinstance(found, dict) else {}
    return {}


# ---------------------------------------------------------------------------------------------- the command


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verifier.py", description="Verify a bundle of the audit log offline.")
    parser.add_argument("bundle", help="the bundle's directory")
    say = parser.add_argument
    say("--key", action="append", required=True, help="public key: base64, hexadecimal, or a file; repeatable")
    say("--head", action="append", default=[], help="a file of signed heads kept elsewhere; repeatable")
    say("--anchor", action="append", default=[], help="a file of anchors fetched from their place; repeatable")
    say("--disclosure", action="append", default=[], help="a file of disclosed values; repeatable")
    say("--processes", type=int, default=2, choices=range(1, 17), metavar="N", help="default 2")
    say("--json", action="store_true", help="print one JSON object")
    return parser


def run(options: argparse.Namespace) -> Result:
    """Verify as asked; raises Usage or Damaged."""
    keys = dict(read_key(text) for text in options.key)
    folder = Path(options.bundle)
    result = verify(folder, keys, options.head, options.anchor, options.processes)
    if not result.findings:
        for path in options.disclosure:
            found, notes = check_disclosures(folder, path)
            result.findings += found
            result.notes += notes
    return result


def report(result: Result, *, as_json: bool) -> None:
    """Print the outcome, the gravest first."""
    if as_json:
        findings = [
            {"class": one.kind, "first": one.first, "last": one.first if one.last is None else one.last,
             "proven": one.proven, "text": one.text} for one in result.findings
        ]  # fmt: skip
        said = {"code": result.code, "findings": findings, "notes": result.notes, "proven": result.proven}
        sys.stdout.write(json.dumps(said) + "\n")
        return
    for one in result.findings[:20]:
        sys.stdout.write(one.line() + "\n")
    if len(result.findings) > 20:
        sys.stdout.write(f"and {len(result.findings) - 20} more\n")
    if not result.findings:
        sys.stdout.write(f"VERIFIED: {result.proven}\n")
    for note in result.notes:
        sys.stdout.write(f"note: {note}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 verified, 2 usage, 3 damaged, 10 to 18 by class, 70 when the verifier itself failed."""
    options = arguments().parse_args(argv)
    try:
        result = run(options)
    except Usage as error:
        sys.stderr.write(f"verifier: {error}\n")
        return EXIT["usage"]
    except Damaged as error:
        result = Result([Finding("damaged", str(error))])
    except KeyboardInterrupt:
        return 130
    except (BrokenProcessPool, MemoryError, OSError) as error:
        sys.stderr.write(f"verifier: could not finish ({type(error).__name__}); nothing is proven\n")
        return EXIT["internal"]
    except Exception as error:  # noqa: BLE001 (whatever a bundle holds, the reader gets a sentence and a code)
        why = f"{type(error).__name__}: {str(error)[:200]}"
        sys.stderr.write(f"verifier: could not finish ({why}); nothing is proven\n")
        return EXIT["internal"]
    report(result, as_json=options.json)
    return result.code


if __name__ == "__main__":
    sys.exit(main())
