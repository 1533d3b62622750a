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
import functools
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
    "journal": 19,
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
    "journal": "JOURNAL",
    "damaged": "DAMAGED BUNDLE",
}
HEAD_PREFIX = b"bookentry-audit-head-v1\n"
EVENTS, LEAVES, EDGES, HEADS, KEYS = "events.jsonl", "leaves.bin", "edges.jsonl", "heads.jsonl", "keys.json"
NEEDED = (EVENTS, LEAVES, EDGES, HEADS)
JOURNAL, EXPIRIES, ANCHORS = "journal.jsonl", "expiries.jsonl", "anchors.jsonl"
KNOWN = {*NEEDED, KEYS, ANCHORS, JOURNAL, EXPIRIES}
EXPIRY, BATCH = b'{"action":"audit.expired",', b'{"action":"dex.batch_committed",'
LIMIT_SMALL, LIMIT_LINE, LIMIT_ROW, LIMIT_COUNT, LIMIT_HEADS = 16 << 20, 4 << 20, 64 << 20, 1 << 53, 2_000_000
CHUNK, STREAMS_KEPT, NUMBER_BITS, WORD = 1 << 20, 1_000_000, 28, (1 << 64) - 1
# An event is written, at most, this long before the transaction that wrote it commits and the next head covers it.
TOLERANCE = 600 * 1_000_000
STAGE_SECONDS, ALIGN_SECONDS, LARGEST_SEARCH, LARGEST_DIAGNOSIS, NEAR = 5.0, 20.0, 1 << 17, 2_000_000, 9
# Nothing expires sooner, whatever its class.
SHORTEST_PERIOD = 366 * 86_400 * 1_000_000
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


def lines_of(path: Path, most: int, longest: int = LIMIT_LINE) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line without its end); raises Damaged when a line is endless or the last is cut."""
    with open_regular(path) as file:
        for number in itertools.count(1):
            line = file.readline(longest + 1)
            if not line:
                return
            if not line.endswith(b"\n"):
                why = "is too long" if len(line) > longest else "is cut: the file is truncated"
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
        return _second(whole) * 1_000_000 + int(part.ljust(6, "0") or 0)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return None


@functools.lru_cache(maxsize=1024)
def _second(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def stamp(instant: int) -> str:
    """Return the text of an instant as events write it; clamped to the years 1 to 9999."""
    seconds, rest = divmod(instant, 1_000_000)
    seconds = min(max(seconds, -62135596800), 253402300799)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"  # noqa: UP017 (3.10)


def canonical(value: Any) -> bytes:
    """RFC 8785 of a value without floats."""
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_sorted(one) for one in value]
    return value


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
        if anchor:
            data = anchored_text(data)
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
                heads.append(parse_head(entry, f"the {'anchor' if anchor else 'head'} {path}", log, keys))
    except OSError as error:
        raise Usage(f"{path} cannot be read ({error.strerror})") from None
    except Damaged as error:
        raise Usage(str(error)) from None
    if not heads:
        raise Usage(f"{path} holds no head")
    return heads


def anchored_text(data: bytes) -> bytes:
    """What was anchored, of a transaction as a node gives it (its answer, its object, its input in hex) or as it is."""
    try:
        found = json.loads(data)
        found = found.get("result", found) if isinstance(found, dict) else found
        data = found["input"].encode() if isinstance(found, dict) and "input" in found else data
    except (ValueError, RecursionError, AttributeError):
        pass
    text = data.strip().strip(b'"')
    try:
        return bytes.fromhex(text[2:].decode()) if text.startswith(b"0x") else data
    except ValueError:
        return data


# ---------------------------------------------------------------------------------------------- scanning


@dataclass(frozen=True)
class Task:
    """A stretch of events.jsonl, and whether to describe every event or to take the usual way."""

    folder: str
    start: int
    stop: int
    begin: int
    full: bool


@dataclass
class Part:
    """What a stretch of events.jsonl holds. `regular`: its indexes are contiguous and it can be taken as it stands."""

    first: int = -1
    count: int = 0
    regular: bool = True
    leaves_agree: bool = True
    damage: tuple[int, str] | None = None
    covers: list[tuple[int, list[bytes]]] = field(default_factory=list)
    # Streams by their first event here: key, index, what that says of the one before, and the last event's state.
    keys: array[int] = field(default_factory=lambda: array("Q"))
    opened: array[int] = field(default_factory=lambda: array("q"))
    wanted: array[int] = field(default_factory=lambda: array("Q"))
    ends: array[int] = field(default_factory=lambda: array("Q"))
    breaks: list[Break] = field(default_factory=list)
    expired: list[tuple[int, int]] = field(default_factory=list)
    expiries: list[tuple[int, Any, int | None]] = field(default_factory=list)
    journals: list[tuple[int, Any]] = field(default_factory=list)
    labels: array[int] = field(default_factory=lambda: array("q"))
    offsets: array[int] = field(default_factory=lambda: array("q"))
    events: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    streams: array[int] = field(default_factory=lambda: array("Q"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    named: array[int] = field(default_factory=lambda: array("q"))
    hashes: bytes = b""


@dataclass(frozen=True)
class Break:
    """Something that does not follow within the signed log: at an index, its class, why, the index it names before."""

    index: int
    kind: str
    why: str
    named: int = -1


_sizes: list[int] = []
_floors: list[bytes] = []
_ceilings: list[bytes] = []


def prepare_worker(sizes: list[int], floors: list[bytes], ceilings: list[bytes]) -> None:
    """Give a process the heads: events in [sizes[i-1], sizes[i]) must have floors[i] <= at <= ceilings[i]."""
    _sizes[:], _floors[:], _ceilings[:] = sizes, floors, ceilings


class _BadLine(Exception):
    """(position in the stretch, why)."""


# A line: label, what stands for an expired event, body, and of the body at, event, prev, stream and stream_seq.
Row = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes]
NOT_CANONICAL = b"!"


def _shape(text: bytes) -> bytes:
    """The body of an event in canonical JSON, where `text` is what a string holds; before and after two levels deep."""
    string, digest = b'"' + text + b'"', b'"[0-9a-f]{64}"'
    number = b"-?(?:0|[1-9][0-9]{0,15})"
    name = b"(?:null|" + string + b")"
    scalars = string + b"|null|true|false|" + number

    def members(value: bytes) -> bytes:
        return rb"\{(?:" + string + b":" + value + b"(?:," + string + b":" + value + rb")*)?\}"

    scalar = b"(?:" + scalars + b")"
    items = rb"\[(?:" + scalar + b"(?:," + scalar + rb")*)?\]"
    change = b"(?:null|" + members(b"(?:" + scalars + b"|" + members(scalar) + b"|" + items + b")") + b")"
    at = rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"
    parts = [
        (b"action", string), (b"after", change), (b"at", b'"' + at + b'"'), (b"before", change),
        (b"committed", members(digest)), (b"event", b"([1-9][0-9]{0,15})"), (b"party", name),
        (b"prev", b"(null|0|[1-9][0-9]{0,15})"), (b"record_class", string), (b"request_id", name),
        (b"resource_id", string), (b"resource_type", string), (b"session", name), (b"source", string),
        (b"stream", b'"(' + text + b')"'), (b"stream_seq", b"([1-9][0-9]{0,15})"), (b"user", name), (b"v", b"2"),
    ]  # fmt: skip
    return rb"\{" + b",".join(b'"' + key + b'":' + value for key, value in parts) + rb"\}"


LABEL = rb"0|[1-9][0-9]{0,15}"
# What bytes become if no string may hold control characters: themselves, or something else.
UNCONTROLLED = bytes(one if one > 31 or one in b"\t\n" else 32 for one in range(256))
_FREE = rb'[^"\\\x00-\x1f]*'
_ESCAPE = rb'\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))'
# Only where there is neither an escape nor a control character may a string be anything up to the next quote.
PLAIN = re.compile(b"(" + LABEL + rb")\t(?:(-[0-9a-f]{64})|(" + _shape(b'[^"]*') + b"))\n")
BODY = re.compile(_shape(_FREE + b"(?:" + _ESCAPE + _FREE + b")*"))
ONE_LABEL, ONE_GONE = re.compile(LABEL), re.compile(rb"-[0-9a-f]{64}")


def rows_of(data: bytes) -> list[Row]:
    """The lines of a stretch; raises _BadLine for one that is not index, tab and body."""
    count = data.count(b"\n")
    if b"\\" not in data and data.count(b"\t") == count and data.translate(UNCONTROLLED) == data and _is_text(data):
        found: list[Row] = PLAIN.findall(data)
        # Nothing was passed over: tabs, line ends and what stands between them are all there.
        if 2 * count + sum(sum(map(len, column)) for column in itertools.islice(zip(*found), 3)) == len(data):  # noqa: B905
            return found
    return [_row(position, line) for position, line in enumerate(data[:-1].split(b"\n"))]


def _is_text(data: bytes) -> bool:
    try:
        return data.isascii() or bool(data.decode())
    except ValueError:
        return False


def _row(position: int, line: bytes) -> Row:
    label, tab, body = line.partition(b"\t")
    if not tab or ONE_LABEL.fullmatch(label) is None:
        raise _BadLine(position, "no index, tab and body")
    if body[:1] == b"-":
        if ONE_GONE.fullmatch(body) is None:
            raise _BadLine(position, "an expired event without its leaf hash")
        return label, body, b"", b"", b"", b"", b"", b""
    found = BODY.fullmatch(body)
    if found is None or not _is_text(body):
        return _unusual(label, body)
    at, event, named, stream, number = found.groups()
    return label, b"", body, at, event, named, stream, number


def _unusual(label: bytes, body: bytes) -> Row:
    """A body that is not as the log writes it at a glance: parsed. Its facts are empty where it is no event at all."""
    try:
        found = strict_json(body, "")
        mark = b"" if canonical(found) == body else NOT_CANONICAL
        at, event, named, stream, number = (found[key] for key in ("at", "event", "prev", "stream", "stream_seq"))
    except (Damaged, ValueError, TypeError, KeyError, RecursionError):
        return label, b"", body, b"", b"", b"", b"", b""
    usable = found.get("v") == 2 and is_stamp(at) and isinstance(stream, str)
    if not usable or any(_small(one) < 0 for one in (event, number)) or (named is not None and _small(named) < 0):
        return label, b"", body, b"", b"", b"", b"", b""
    name = json.dumps(stream, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass")
    return (
        label,
        mark,
        body,
        at.encode(),
        b"%d" % event,
        b"null" if named is None else b"%d" % named,
        name,
        b"%d" % number,
    )


def is_stamp(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 27 and micros(text) is not None


def stream_keys(streams: Iterable[bytes]) -> array[int]:
    """Numbers of 64 bits that stand for the streams, the same in every process."""
    return array("Q", b"".join([hashlib.blake2b(stream, digest_size=8).digest() for stream in streams]))


def scan(task: Task) -> Part:
    """Hash and check one stretch of events; damage is reported in the part, by line."""
    part = Part()
    try:
        with open_regular(Path(task.folder) / EVENTS) as file:
            file.seek(task.start)
            data = file.read(task.stop - task.start)
        rows = rows_of(data)
        (_describe if task.full else _check)(part, rows, task)
        if not task.full and part.regular and (EXPIRY in data or BATCH in data):
            _special(part, rows)
    except Damaged as error:
        part.damage = 0, str(error)
    except _BadLine as bad:
        part.damage = bad.args[0], bad.args[1]
    return part


def leaves_of(rows: Iterable[Row]) -> list[bytes]:
    return [
        bytes.fromhex(gone[1:].decode()) if gone[:1] == b"-" else sha256(b"\x00" + body).digest()
        for _, gone, body, *_ in rows
    ]


def _check(part: Part, rows: list[Row], task: Task) -> None:
    """The usual way: contiguous indexes. Anything else sets `regular` to False for the diagnosis."""
    labels, gone, bodies, times, _, named, streams, numbers = zip(*rows)  # noqa: B905 (Python 3.9)
    part.count, part.first = len(rows), int(labels[0])
    stop = part.first + part.count
    indexes: Sequence[int] = range(part.first, stop)
    if list(map(int, labels)) != list(indexes):
        part.regular = False
        return
    if gone.count(b"") == part.count and b"" not in times:
        hashes = [sha256(b"\x00" + body).digest() for body in bodies]
    else:
        hashes = leaves_of(rows)
        _odd_ones(part, rows)
        kept = [row for row in rows if row[3]]
        labels, _, _, times, _, named, streams, numbers = zip(*kept) if kept else [()] * 8  # noqa: B905
        indexes = list(map(int, labels))
    part.leaves_agree = _same_leaves(task, part.first, b"".join(hashes))
    _follow(part, indexes, named, streams, numbers)
    _date(part, indexes, times)
    start = part.first
    for size in (*_sizes[bisect.bisect_right(_sizes, start) : bisect.bisect_left(_sizes, stop)], stop):
        part.covers.append((size, cover(hashes[start - part.first : size - part.first], start)))
        start = size


def _same_leaves(task: Task, first: int, hashes: bytes) -> bool:
    with open_regular(Path(task.folder) / LEAVES) as file:
        file.seek(32 * max(0, first - task.begin))
        return file.read(len(hashes)) == hashes


def _odd_ones(part: Part, rows: Sequence[Row]) -> None:
    """Expired events, and bodies that are none."""
    for index, (_, gone, _, at, *_) in enumerate(rows, part.first):
        if gone[:1] == b"-":
            runs_add(part.expired, index)
        elif gone:
            part.breaks.append(Break(index, "damaged", "its body is not canonical JSON (RFC 8785)"))
        elif not at:
            part.breaks.append(Break(index, "damaged", "its body is not the JSON of an audit event"))


def _follow(
    part: Part, indexes: Sequence[int], named: Sequence[bytes], streams: Sequence[bytes], numbers: Sequence[bytes]
) -> None:
    """Follow the streams: each event names the index of the one before, and has the next number."""
    before, counts = [-1 if one == b"null" else int(one) for one in named], list(map(int, numbers))
    state: dict[bytes, int] = {}
    opened: list[int] = []
    for place, stream in enumerate(streams):
        known = state.get(stream)
        if known is None:
            opened.append(place)
        elif before[place] != indexes[known] or counts[place] != counts[known] + 1:
            args = indexes[known], counts[known], before[place], counts[place]
            part.breaks.append(_break(indexes[place], *args))
        state[stream] = place
    part.keys = stream_keys(state)
    part.opened = array("q", [indexes[place] for place in opened])
    low = (1 << NUMBER_BITS) - 1
    # What stands for an event's index and number in its stream, in 64 bits; 0 for none (index -1, number 0).
    part.wanted = array("Q", [(before[at] + 1 << NUMBER_BITS | counts[at] - 1 & low) & WORD for at in opened])
    part.ends = array("Q", [(indexes[at] + 1 << NUMBER_BITS | counts[at] & low) & WORD for at in state.values()])


def unpacked(state: int) -> tuple[int, int]:
    return (state >> NUMBER_BITS) - 1, state & ((1 << NUMBER_BITS) - 1)


def _break(index: int, last: int, reached: int, named: int, number: int) -> Break:
    """What is wrong with an event that says `named` and `number` where its stream has come to `last` and `reached`."""
    if number > reached + 1:
        return Break(index, "delete", f"events {reached + 1}..{number - 1} of its stream are missing", named)
    if number <= reached:
        return Break(index, "insert", f"its stream had reached {reached} already, and it calls itself {number}", named)
    said = "none" if named < 0 else f"that of index {named}"
    return Break(index, "edit", f"it names {said} as the one before it in its stream, which is that of {last}", named)


def _date(part: Part, indexes: Sequence[int], times: Sequence[bytes]) -> None:
    """Whether the events' times fit the heads around them."""
    at = 0
    while at < len(indexes):
        until, floor, ceiling = _bounds(indexes[at])
        stop = bisect.bisect_left(indexes, until, at)
        if min(times[at:stop]) < floor or max(times[at:stop]) > ceiling:
            for index, said in zip(indexes[at:stop], times[at:stop]):  # noqa: B905
                if not floor <= said <= ceiling:
                    why = _misdated(said.decode(), floor.decode(), ceiling.decode())
                    part.breaks.append(Break(index, "backdate", why))
        at = stop


def _bounds(index: int) -> tuple[int, bytes, bytes]:
    """Up to which index, from when and until when: what the heads say of the events from `index`."""
    here = bisect.bisect_right(_sizes, index)
    until = _sizes[here] if here < len(_sizes) else LIMIT_COUNT
    return until, _floors[here], _ceilings[here]


def _misdated(at: str, floor: str, ceiling: str) -> str:
    if at < floor:
        return f"it is dated {at}, long before the signed head that it does not yet belong to"
    return f"it is dated {at}, long after the signed head that covers it ({ceiling} at the latest)"


def _special(part: Part, rows: Sequence[Row]) -> None:
    """Events that say what expired, and those that name a row of the matcher's journal."""
    for label, _, body, *_ in rows:
        if body.startswith(EXPIRY):
            said = json.loads(body)
            part.expiries.append((int(label), said.get("after"), micros(said.get("at"))))
        elif body.startswith(BATCH):
            part.journals.append((int(label), json.loads(body)))


def _describe(part: Part, rows: Sequence[Row], task: Task) -> None:
    """Describe every event, for the diagnosis: nothing is assumed of its shape but index and tab."""
    part.count, offset = len(rows), task.start
    for label, gone, body, at, event, named, _, number in rows:
        part.labels.append(int(label))
        part.offsets.append(offset + len(label) + 1)
        offset += len(label) + 2 + (len(body) or len(gone))
        part.events.append(int(event or -1))
        part.times.append(micros(at.decode()) or 0 if at else -1)
        part.numbers.append(int(number or -1))
        part.named.append(int(named) if named not in {b"", b"null"} else -1)
    part.streams = stream_keys(row[6] for row in rows)
    part.hashes = b"".join(leaves_of(rows))


def _small(value: Any) -> int:
    return value if type(value) is int and 0 <= value < LIMIT_COUNT else -1


def runs_add(found: list[tuple[int, int]], number: int) -> None:
    """Add an ascending number to (first, last) of contiguous runs."""
    if found and number == found[-1][1] + 1:
        found[-1] = found[-1][0], number
    else:
        found.append((number, number))


def stretches(bundle: Bundle, *, full: bool) -> Iterator[Task]:
    """Cut events.jsonl at line ends; raises Damaged for endless or cut lines."""
    with open_regular(bundle.events) as file:
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
            yield Task(str(bundle.folder), start, stop, bundle.manifest.start, full)
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

    def __init__(self, count: int, prepared: tuple[list[int], list[bytes], list[bytes]]) -> None:
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

    def has(self, name: str) -> bool:
        return name in self.manifest.digests

    def frontier(self) -> Frontier:
        """The cover of everything before the first event; raises Damaged."""
        found, start = Frontier(), self.manifest.start
        if start:
            before = [edge for edge in self.edges if edge.start == 0 and edge.stop == start]
            if not before:
                raise Damaged(f"{EDGES} has not the subtrees before index {start}")
            found.extend(start, before[0].nodes)
        return found

    @property
    def end(self) -> int:
        """Where the events end and the edges go on: what the edges say, if they say another index than the manifest."""
        starts = [edge.start for edge in self.edges if edge.start >= self.manifest.start < edge.stop]
        return min(starts, default=self.manifest.stop)

    def edges_after(self, stop: int) -> list[Edge]:
        """The edges that continue the log from `stop`, one after the other."""
        by_start = {edge.start: edge for edge in self.edges if edge.start >= stop}
        found = []
        while stop in by_start:
            found.append(by_start[stop])
            stop = found[-1].stop
        return found

    def young_from(self, at: int | None) -> int:
        """The first index that cannot have expired at that time: a head before it is younger than any period."""
        if at is None:
            return 0
        for size, _, signed in self.points():
            if signed is not None and signed > at - SHORTEST_PERIOD + TOLERANCE:
                return size
        return LIMIT_COUNT

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
    expired: list[tuple[int, int]] = field(default_factory=list)
    expiries: list[tuple[int, Any, int | None]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    unchecked: int = 0

    def is_expired(self, index: int) -> bool:
        at = bisect.bisect_right(self.expired, (index, LIMIT_COUNT)) - 1
        return at >= 0 and index <= self.expired[at][1]


def prepared(points: list[tuple[int, bytes, int | None]]) -> tuple[list[int], list[bytes], list[bytes]]:
    """Sizes of the heads, and the earliest and latest time of the events before, between and after them."""
    sizes = [size for size, _, _ in points]
    times = [at for _, _, at in points]
    floors = [b"", *(b"" if at is None else stamp(at - TOLERANCE).encode() for at in times)]
    ceilings = [*(b"~" if at is None else stamp(at + TOLERANCE).encode() for at in times), b"~"]
    return sizes, floors, ceilings


def run_scan(bundle: Bundle, workers: Workers) -> Scan:
    """Hash every event, compare with leaves.bin, follow the streams, note the root at every head; raises Damaged."""
    found = Scan()
    frontier = bundle.frontier()
    found.roots[frontier.size] = frontier.root()
    streams, journal = Streams(bundle.manifest.start), Journal(bundle)
    jobs: Iterator[tuple[Callable[[Any], Any], Any]] = itertools.chain(
        [(digest, str(bundle.events))], ((scan, task) for task in stretches(bundle, full=False))
    )
    for part in workers.map(perform, jobs):
        if isinstance(part, str):
            found.digests[EVENTS] = part
            continue
        if part.damage is not None:
            line, why = part.damage
            raise Damaged(f"{EVENTS} line {found.count + line + 1} is damaged: {why}")
        found.count += part.count
        found.regular = found.regular and part.regular and part.first == frontier.size
        if not found.regular:
            continue
        for stop, nodes in part.covers:
            frontier.extend(stop, nodes)
            found.roots[stop] = frontier.root()
        found.leaves_agree = found.leaves_agree and part.leaves_agree
        streams.take(part, found)
        journal.take(part)
    found.leaves_agree = found.leaves_agree and (bundle.folder / LEAVES).stat().st_size == 32 * found.count
    found.reach = frontier.size
    if found.regular and frontier.size == bundle.manifest.stop:
        for edge in bundle.edges_after(frontier.size):
            frontier.extend(edge.stop, edge.nodes)
            found.roots[edge.stop] = frontier.root()
        found.reach = frontier.size
    for name in bundle.manifest.digests:
        if name != EVENTS:
            found.digests[name] = digest(str(bundle.folder / name))
    found.findings.extend(journal.findings())
    found.unchecked = streams.dropped
    return found


def perform(job: tuple[Callable[[Any], Any], Any]) -> Any:
    act, argument = job
    return act(argument)


class Streams:
    """The last index and number of every stream met, to join the stretches; some are dropped past a bound."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.last: dict[int, int] = {}
        self.dropped = 0

    def take(self, part: Part, found: Scan) -> None:
        for first, last in part.expired:
            runs_add(found.expired, first)
            found.expired[-1] = found.expired[-1][0], last
        found.expiries.extend(part.expiries)
        known, wanted = list(map(self.last.get, part.keys, itertools.repeat(0))), part.wanted.tolist()
        if known != wanted:
            for place, said in enumerate(wanted):
                if known[place] != said and (broken := self._opening(part.opened[place], known[place], said)):
                    part.breaks.append(broken)
        for broken in part.breaks:
            # A gap that an expired event explains is none.
            if broken.kind != "delete" or not found.is_expired(broken.named):
                text = f"{broken.why}; a signed head covers it: it was so when it was signed"
                found.findings.append(Finding(broken.kind, text, broken.index))
        self.last.update(zip(part.keys, part.ends))  # noqa: B905 (as many, in one order)
        while len(self.last) > STREAMS_KEPT:
            del self.last[next(iter(self.last))]
            self.dropped += 1

    def _opening(self, index: int, known: int, said: int) -> Break | None:
        """What is wrong with a stretch's first event of a stream."""
        (last, reached), (named, before) = unpacked(known), unpacked(said)
        if known:
            return _break(index, last, reached, named, before + 1)
        if self.dropped or 0 <= named < self.start:
            return None
        why = f"it calls itself number {before + 1} of a stream that has no event before it"
        return Break(index, "delete", why, named)


class Journal:
    """journal.jsonl beside the events that name its rows: each row must be there, and be what the event says."""

    def __init__(self, bundle: Bundle) -> None:
        self.lines = lines_of(bundle.folder / JOURNAL, LIMIT_COUNT, LIMIT_ROW) if bundle.has(JOURNAL) else iter(())
        self.found: list[Finding] = []
        self.next: tuple[int, Any] | None = None
        self.wrong = 0
        self._step()

    def _step(self) -> None:
        number, line = next(self.lines, (0, b""))
        self.next = None
        if number:
            what = f"{JOURNAL} line {number}"
            entry = strict_json(line, what)
            self.next = count_in(entry, "index", what), entry

    def take(self, part: Part) -> None:
        for index, event in part.journals:
            while self.next is not None and self.next[0] < index:
                self._say(self.next[0], "a row of the journal that no event here names")
                self._step()
            if self.next is None or self.next[0] != index:
                self._say(index, "the row of the journal that it names is missing")
                continue
            if journal_hash(self.next[1]) != _named_row(event):
                self._say(index, f"the row in {JOURNAL} is not the one it names by hash")
            self._step()

    def _say(self, index: int, text: str) -> None:
        self.wrong += 1
        if self.wrong <= 100:
            self.found.append(Finding("journal", text, index))

    def findings(self) -> list[Finding]:
        if self.next is not None:
            self._say(self.next[0], "a row of the journal that no event here names")
        return self.found


def journal_hash(entry: Any) -> tuple[Any, ...]:
    """Shard, number, epoch and hash of a row: the hash is over the hash before it, its place and its content."""
    shard, seq, epoch, before, body = (entry.get(key) for key in ("shard", "seq", "epoch", "prev_hash", "body"))
    text = f"{before} {seq} {epoch}\n{body}".encode("utf-8", "surrogatepass")
    return shard, seq, epoch, sha256(text).hexdigest()


def _named_row(event: Any) -> tuple[Any, ...]:
    after = event.get("after")
    after = after if isinstance(after, dict) else {}
    return event.get("resource_id"), after.get("seq"), after.get("epoch"), after.get("hash")


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
    short = found.regular and not manifest.start + found.count == manifest.stop == bundle.end
    if wrong or short or not found.regular:
        result.findings.extend(_forks(wrong, own, Diagnosis(bundle, workers).findings()))
        result.findings.sort(key=lambda one: (not one.proven, one.first is None, one.first or 0))
    if not result.findings:
        _ends(bundle, found, result)
    if not result.findings:
        result.findings.extend(sorted(found.findings, key=lambda one: one.first or 0))
        _expiries(bundle, found, result)
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


def _expiries(bundle: Bundle, found: Scan, result: Result) -> None:
    """Expired events that no later signed event `audit.expired` covers."""
    told = [*found.expiries]
    if bundle.has(EXPIRIES):
        for number, line in lines_of(bundle.folder / EXPIRIES, LIMIT_COUNT):
            what = f"{EXPIRIES} line {number}"
            said = read_expiry(bundle, strict_json(line, what), what)
            if said is None:
                result.notes.append(f"{what} does not lead to a signed head")
            else:
                told.append(said)
    covers = [
        (one[0], min(one[1], index, bundle.young_from(at)))
        for index, after, at in told
        for one in (after.get("ranges") if isinstance(after, dict) else None) or ()
        if _is_range(one)
    ]
    text = "the event's body is gone and no later signed event audit.expired, of a year later, covers it"
    result.findings += [Finding("delete", text, first, last) for first, last in uncovered(found.expired, covers)]


def read_expiry(bundle: Bundle, entry: Any, what: str) -> tuple[int, Any, int | None] | None:
    """Index, `after` and time of an event that expired others, if its path leads to a valid head; raises Damaged."""
    index, size = count_in(entry, "index", what), count_in(entry, "size", what)
    body, path = member(entry, "body", str, what), member(entry, "path", list, what)
    nodes = [hash_in(node, what) for node in path[:64]]
    roots = [head.root for head in bundle.heads if head.valid and head.size == size]
    text = body.encode("utf-8", "surrogatepass")
    if not roots or len(path) > 64 or root_by(leaf_hash(text), index, size, nodes) != roots[0]:
        return None
    event = strict_json(text, what)
    if not isinstance(event, dict) or event.get("action") != "audit.expired":
        return None
    return index, event.get("after"), micros(event.get("at"))


def root_by(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root of a tree of `size` leaves that a leaf and its path give (RFC 9162, 2.1.3.2); None if they give none."""
    if index >= size:
        return None
    at, last, found = index, size - 1, leaf
    for node in path:
        if not last:
            return None
        if at & 1 or at == last:
            found = node_hash(node, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, node)
        at, last = at >> 1, last >> 1
    return None if last else found


def uncovered(expired: list[tuple[int, int]], covers: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of (first, last) of expired events those in no range [from, to) that a later event names."""
    covers = sorted(covers)
    missing: list[tuple[int, int]] = []
    at, reached = 0, 0
    for start, last in expired:
        place = start
        while place <= last:
            while at < len(covers) and covers[at][0] <= place:
                reached = max(reached, covers[at][1])
                at += 1
            if place < reached:
                place = reached
                continue
            stop = min(last, covers[at][0] - 1) if at < len(covers) else last
            missing.append((place, stop))
            place = stop + 1
    return missing


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


class Segment:
    """The leaves [start, stop) between two signed heads, and the root they must give with what surrounds them."""

    def __init__(self, frontier: Frontier, stop: int, edges: list[Edge], root: bytes) -> None:
        self.before, self.start, self.stop, self.edges, self.wanted = frontier, frontier.size, stop, edges, root
        self.length = stop - frontier.size

    def fits_nodes(self, nodes: list[bytes]) -> bool:
        frontier = self.before.copy()
        frontier.extend(self.stop, nodes)
        for edge in self.edges:
            frontier.extend(edge.stop, edge.nodes)
        return frontier.root() == self.wanted

    def fits(self, hashes: list[bytes]) -> bool:
        return len(hashes) == self.length and self.fits_nodes(cover(hashes, self.start))


LINK = re.compile(rb'(.*,"prev":)(?:null|[0-9]+)(,"record_class":.*,"stream_seq":)[0-9]+(,"user":.*)', re.DOTALL)


class Diagnosis:
    """Find the true leaves, segment by segment, as far as they can be proven; name what was done to them.

    A *place* counts the events as they are presented, from 0; an *index* is that of the true log.
    """

    def __init__(self, bundle: Bundle, workers: Workers) -> None:
        self.bundle, self.workers, self.begin = bundle, workers, bundle.manifest.start
        self.labels, self.offsets = array("q"), array("q")
        self.event_ids, self.times, self.numbers, self.named = array("q"), array("q"), array("q"), array("q")
        self.streams = array("Q")
        self.hashes = b""
        # What is proven: of each place the index of its event (-1: none), and whether its links were changed.
        self.index_of = array("q")
        self.relinked = bytearray()
        self.redated: dict[int, str] = {}
        # The true index and number that each stream has come to.
        self.state: dict[int, tuple[int, int]] = {}
        self.spare: list[int] = []
        self.memory: dict[tuple[int, int, int], bytes] = {}
        self.deadline = time.monotonic() + ALIGN_SECONDS
        self.file: BinaryIO | None = None

    # -- what is presented

    def _load(self) -> None:
        hashes = bytearray()
        lines = 0
        for part in self.workers.map(scan, stretches(self.bundle, full=True)):
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
                (self.named, part.named),
                (self.streams, part.streams),
            ):
                mine.extend(its)
            hashes += part.hashes
        self.hashes = bytes(hashes)
        self.index_of, self.relinked = array("q", [-1]) * lines, bytearray(lines)

    def leaf(self, place: int) -> bytes:
        return self.hashes[32 * place : 32 * place + 32]

    def body(self, place: int) -> bytes:
        if self.file is None:
            self.file = open_regular(self.bundle.events)
        self.file.seek(self.offsets[place])
        return self.file.readline(LIMIT_LINE + 1)[:-1]

    def document(self, place: int) -> dict[str, Any] | None:
        """The parsed body, if writing it again gives the same text."""
        body = self.body(place)
        try:
            found = strict_json(body, "")
            return found if isinstance(found, dict) and canonical(found) == body else None
        except (Damaged, ValueError, RecursionError, TypeError):
            return None

    # -- links

    def following(self, place: int, before: tuple[int, int] | None) -> tuple[int, int]:
        """Index it should name and number of an event, if the stream's last is `before`."""
        named, number = self.named[place], self.numbers[place]
        at = named - self.begin
        if 0 <= at < len(self.labels) and self.numbers[at] < 0:
            # It names an event that has expired, of which nobody knows the stream.
            return (self.index_of[at] if self.index_of[at] >= 0 else named), number
        if before is not None:
            return before[0], before[1] + 1
        if not self.begin:
            return -1, 1
        if named < self.begin:
            return named, number
        # Only what stands first of its stream can tell what comes before the range.
        first = self.firsts().get(self.streams[place], place)
        return self.named[first], self.numbers[first]

    @functools.lru_cache(maxsize=1)  # noqa: B019 (one diagnosis a run)
    def firsts(self) -> dict[int, int]:
        """Of each stream the place of its first event."""
        found: dict[int, int] = {}
        for place, stream in enumerate(self.streams):
            found.setdefault(stream, place)
        return found

    @functools.lru_cache(maxsize=1)  # noqa: B019 (one diagnosis a run)
    def said(self) -> array[int]:
        """Of each place the index that the next event of its stream says of it, or -1."""
        where: dict[tuple[int, int], list[int]] = {}
        for place, number in enumerate(self.numbers):
            where.setdefault((self.streams[place], number), []).append(place)
        found = array("q", [-1]) * len(self.labels)
        for place, named in enumerate(self.named):
            mates = where.get((self.streams[place], self.numbers[place] - 1)) if self.numbers[place] > 1 else None
            if mates and named >= 0:
                found[min(mates, key=lambda mate: abs(self.begin + mate - named))] = named
        return found

    def linked(self, place: int, named: int, number: int) -> bytes:
        """The leaf hash of an event with that number, naming that index."""
        if (named, number) == (self.named[place], self.numbers[place]):
            return self.leaf(place)
        found = self.memory.get((place, named, number))
        if found is None:
            parts = LINK.fullmatch(self.body(place))
            index = b"null" if named < 0 else b"%d" % named
            found = self.leaf(place)
            if parts is not None:
                found = leaf_hash(parts[1] + index + parts[2] + b"%d" % number + parts[3])
            self.memory[place, named, number] = found
        return found

    def pair(self, place: int, index: int, links: tuple[int, int], *, relinked: bool) -> None:
        """The event at `place` is that of `index`."""
        self.index_of[place], self.relinked[place] = index, relinked
        if self.numbers[place] >= 0:
            self.state[self.streams[place]] = index, links[1]

    # -- the walk

    def findings(self) -> list[Finding]:
        """Return the findings, proven ones first where both are known."""
        self._load()
        if not self.hashes and self.labels:
            return [self._coarse()]
        true, unsolved = self._restore()
        found = Comparison(self, true, len(self.labels) if unsolved is None else unsolved[0]).findings()
        if unsolved is not None:
            place, start, stop = unsolved
            found.append(Suspicion(self, place, start, stop).finding())
        if not found:
            found = self._labels()
        if self.file is not None:
            self.file.close()
        return found

    def _coarse(self) -> Finding:
        text = f"more than {LARGEST_DIAGNOSIS} events: export a shorter range to name it exactly"
        return Finding("edit", text, self.begin, self.bundle.manifest.stop - 1, proven=False)

    def _labels(self) -> list[Finding]:
        whole = list(range(self.begin, self.begin + len(self.labels)))
        for place, label in enumerate(self.labels):
            if label != self.begin + place:
                kind = "reorder" if sorted(self.labels) == whole else "insert"
                return [Finding(kind, f"line {place + 1} calls itself {label}", self.begin + place)]
        return []

    def _leaves(self) -> bytes:
        with open_regular(self.bundle.folder / LEAVES) as file:
            found = file.read(32 * LARGEST_DIAGNOSIS + 1)
        return found[: len(found) // 32 * 32]

    def _segments(self, frontier: Frontier) -> Iterator[Segment]:
        """The stretches between heads, each from where the frontier has come to."""
        bundle, points = self.bundle, self.bundle.points()
        limit = bundle.end
        after = bundle.edges_after(limit)
        if not after:
            limit = max(size for size, _, _ in points)
        for size, root, _ in points:
            if size <= self.begin or frontier.size >= limit:
                continue
            edges = [edge for edge in after if edge.stop <= size] if size > limit else []
            if size <= limit or (edges and edges[-1].stop == size):
                yield Segment(frontier, min(size, limit), edges, root)

    def _restore(self) -> tuple[bytearray, tuple[int, int, int] | None]:
        """The true leaves as far as proven, and (place, start, stop) of the first segment that stays unknown."""
        true, place = bytearray(), 0
        leaves, frontier = self._leaves(), self.bundle.frontier()
        for segment in self._segments(frontier):
            offset, end = 32 * (segment.start - self.begin), 32 * (segment.stop - self.begin)
            tile = [leaves[at : at + 32] for at in range(offset, min(end, len(leaves)), 32)]
            solved = self._solve(segment, place, tile)
            if solved is None:
                return true, (place, segment.start, segment.stop)
            hashes, used = solved
            true += b"".join(hashes)
            frontier.extend(segment.stop, cover(hashes, segment.start))
            place += used
            self.memory.clear()
        if frontier.size < self.bundle.manifest.stop:
            # Nothing is signed from here on: take it as it stands, _ends() speaks of it.
            for at in range(place, len(self.labels)):
                self.index_of[at] = frontier.size + at - place
            true += self.hashes[32 * place :]
        return true, None

    def _solve(self, segment: Segment, place: int, tile: list[bytes]) -> tuple[list[bytes], int] | None:
        """The true leaves of a segment and the number of presented events they use up; None if not found."""
        search = Search(self, segment, place)
        shown = [self.leaf(at) for at in search.inside]
        if segment.fits(shown):
            for index, at in enumerate(search.inside, segment.start):
                self.pair(at, index, (self.named[at], self.numbers[at]), relinked=False)
            return shown, search.places(segment.length)
        if segment.fits(tile):
            return tile, self._align(segment, tile, place)
        guess = search.find()
        if guess is None:
            return None
        for slot, at in enumerate(guess.trial.slots):
            leaf = guess.trial.leaves[slot]
            self.pair(at, segment.start + slot, guess.trial.links[slot], relinked=leaf != self.leaf(at))
        self.redated.update(guess.dated)
        self.spare += guess.spare
        return list(guess.trial.leaves), search.places(guess.used)

    # -- true leaves that leaves.bin gave, and the events that are theirs

    def _align(self, segment: Segment, tile: list[bytes], place: int) -> int:
        """Pair presented events with true leaves; returns the number that the segment uses up."""
        near = range(max(0, place - 8), min(len(self.labels), place + segment.length + 72))
        where = {self.leaf(at): at for at in near if self.index_of[at] < 0}
        lost: list[int] = []
        slot, at = 0, place
        while slot < segment.length:
            if self._is(at, segment.start + slot, tile[slot], lost):
                slot, at = slot + 1, at + 1
                continue
            skipped, ahead = self._resume(segment, tile, slot, at, where, lost)
            lost += range(segment.start + slot, segment.start + slot + skipped)
            slot, at = slot + skipped, at + ahead
        return max(0, at - place)

    def _is(self, place: int, index: int, leaf: bytes, lost: list[int]) -> bool:
        """Whether the event presented there is the one of that leaf, at most numbered and linked anew."""
        if not 0 <= place < len(self.labels) or self.index_of[place] >= 0:
            return False
        if self.leaf(place) == leaf:
            self.pair(place, index, (self.named[place], self.numbers[place]), relinked=False)
            return True
        if self.numbers[place] < 0 or time.monotonic() > self.deadline:
            return False
        named, number = self.following(place, self.state.get(self.streams[place]))
        for links in ((named, number), *((one, number + 1) for one in lost[-8:] if one > named)):
            if self.linked(place, *links) == leaf:
                self.pair(place, index, links, relinked=True)
                return True
        return False

    def _resume(
        self, segment: Segment, tile: list[bytes], slot: int, at: int, where: dict[bytes, int], lost: list[int]
    ) -> tuple[int, int]:
        """How many true leaves and how many presented events to pass over until they go together again."""
        best = LIMIT_COUNT, 1, 1
        for skipped, leaf in enumerate(tile[slot : slot + 64]):
            place = where.get(leaf, -1)
            if place >= max(0, at - 8) and self.index_of[place] < 0:
                best = min(best, (skipped + abs(place - at), skipped, place - at))
        for steps in range(1, 9) if best[0] == LIMIT_COUNT else ():
            for skipped in range(min(steps, segment.length - slot - 1) + 1):
                index = segment.start + slot + skipped
                gone = [*lost, *range(segment.start + slot, index)]
                place = at + steps - skipped
                before = self.state.get(self.streams[place]) if place < len(self.streams) else None
                if self._is(place, index, tile[slot + skipped], gone):
                    # Only looked at: the walk comes to it.
                    self.index_of[place] = -1
                    if before is None:
                        del self.state[self.streams[place]]
                    else:
                        self.state[self.streams[place]] = before
                    return skipped, steps - skipped
        return best[1:]


@dataclass
class Guess:
    """Presented events in the slots of a segment, how many it uses up, and what it takes out or dates anew."""

    trial: Trial
    used: int
    spare: list[int] = field(default_factory=list)
    dated: dict[int, str] = field(default_factory=dict)


class Trial:
    """Presented events in the slots of a segment, numbered and linked as the log would have done, and their root.

    Putting others into a few slots costs little: only their streams and the way up to the root are made anew.
    """

    def __init__(self, of: Diagnosis, segment: Segment, slots: Iterable[int]) -> None:
        self.of, self.segment, self.slots = of, segment, list(slots)
        self.leaves, self.links = [of.leaf(place) for place in self.slots], [(-1, -1)] * segment.length
        self.members: dict[int, list[int]] = {}
        self.dirty: set[int] = set()
        for slot, place in enumerate(self.slots):
            self.members.setdefault(of.streams[place], []).append(slot)
        for stream in self.members:
            self._link(stream)
        self.dirty.clear()
        self.heaps: list[tuple[int, list[bytes]]] = []
        at = 0
        for level in levels_between(segment.start, segment.stop):
            width = 1 << level
            heap = [b""] * width + self.leaves[at : at + width]
            for node in range(width - 1, 0, -1):
                heap[node] = node_hash(heap[2 * node], heap[2 * node + 1])
            self.heaps.append((at, heap))
            at += width
        self.starts = [start for start, _ in self.heaps]

    def put(self, changes: dict[int, int]) -> None:
        """Put events into slots: slot to place."""
        touched = set()
        for slot, place in changes.items():
            old = self.of.streams[self.slots[slot]]
            self.members[old].remove(slot)
            self.slots[slot] = place
            touched |= {old, self.of.streams[place]}
        for slot, place in changes.items():
            bisect.insort(self.members.setdefault(self.of.streams[place], []), slot)
        for stream in touched:
            self._link(stream)

    def _link(self, stream: int) -> None:
        before = self.of.state.get(stream)
        for slot in self.members[stream]:
            place = self.slots[slot]
            if self.of.numbers[place] < 0:
                self.force(slot, self.of.leaf(place))
                continue
            self.links[slot] = links = self.of.following(place, before)
            self.force(slot, self.of.linked(place, *links))
            before = self.segment.start + slot, links[1]

    def force(self, slot: int, leaf: bytes) -> None:
        """Give a slot that leaf."""
        if self.leaves[slot] != leaf:
            self.leaves[slot] = leaf
            self.dirty.add(slot)

    def fits(self) -> bool:
        """Whether it hashes to the signed root."""
        ways: dict[int, set[int]] = {}
        for slot in self.dirty:
            number = bisect.bisect_right(self.starts, slot) - 1
            start, heap = self.heaps[number]
            node = len(heap) // 2 + slot - start
            heap[node] = self.leaves[slot]
            ways.setdefault(number, set()).add(node >> 1)
        for number, nodes in ways.items():
            heap = self.heaps[number][1]
            above = nodes
            while above and 0 not in above:
                for node in above:
                    heap[node] = node_hash(heap[2 * node], heap[2 * node + 1])
                above = {node >> 1 for node in above}
        self.dirty.clear()
        return self.segment.fits_nodes([heap[1] for _, heap in self.heaps])


class Search:
    """Guesses at the true order of one segment, the likely first. Only one that gives the signed root is believed."""

    def __init__(self, of: Diagnosis, segment: Segment, place: int) -> None:
        self.of, self.segment, self.place, self.length = of, segment, place, segment.length
        self.past = len(of.labels)
        # Events that are not known to be of another segment.
        unknown = (at for at in range(place, self.past) if of.index_of[at] < 0)
        self.free = list(itertools.islice(unknown, self.length + 64))
        self.inside = self.free[: self.length]
        self.slot = {at: slot for slot, at in enumerate(self.inside)}
        self.whole = len(self.inside) == self.length
        self.end = self.inside[-1] + 1 if self.inside else place

    def places(self, used: int) -> int:
        """How many places so many of the free events take."""
        return self.free[used - 1] + 1 - self.place if used else 0

    def find(self) -> Guess | None:
        """The guess that fits, or None."""
        for stage in self._stages():
            # Each kind of guess has its share of the time, so that none starves the others.
            deadline = time.monotonic() + STAGE_SECONDS
            for guess in stage:
                if guess.trial.fits():
                    return guess
                if time.monotonic() > deadline:
                    break
        return None

    def _stages(self) -> Iterator[Iterator[Guess]]:
        """Kinds of guesses, the likely and cheap first."""
        if self.whole:
            yield self._as_it_is()
        if self.length > LARGEST_SEARCH:
            return
        yield self._as_named()
        if self.whole:
            yield self._orders()
        yield self._inserts((1,))
        yield self._returns()
        if self.whole:
            yield self._dates()
            yield self._near()
            yield self._replaced()
        yield self._inserts((2, 3, 4, 5, 6, 7, 8, 16, 32, 64))
        if self.whole:
            yield self._exchanges()
            yield self._moves()

    def _trial(self, slots: Iterable[int]) -> Trial:
        return Trial(self.of, self.segment, slots)

    def _as_it_is(self) -> Iterator[Guess]:
        """As presented, with the links that what is proven before gives."""
        yield Guess(self._trial(self.inside), self.length)

    def _as_named(self) -> Iterator[Guess]:
        """Every event where the next one of its stream says that it was, the others in the order they stand in."""
        said, start, stop = self.of.said(), self.segment.start, self.segment.stop
        near = range(max(0, self.place - 4096), min(self.past, self.place + self.length + 4096))
        slots = {said[at] - start: at for at in near if self.of.index_of[at] < 0 and start <= said[at] < stop}
        rest = (at for at in self.free if said[at] < 0)
        order = [slots[slot] if slot in slots else next(rest, -1) for slot in range(self.length)]
        taken = set(order)
        if -1 in taken or len(taken) < self.length or order == self.inside:
            return
        for used in sorted(range(len(self.free) + 1), key=lambda used: abs(used - self.length)):
            window = set(self.free[:used])
            # What is used up is what is taken, without those from elsewhere, and what is passed over.
            if used == self.length - len(taken - window) + len(window - taken):
                yield Guess(self._trial(order), used, sorted(window - taken))
                return

    def _near(self) -> Iterator[Guess]:
        """With one moved, or two exchanged, by a few places."""
        for distance in range(1, NEAR):
            yield from self._exchanged(zip(self.inside, self.inside[distance:]))  # noqa: B905 (the last have none)
        for one in self.inside:
            yield from self._moved(one, NEAR)

    def _replaced(self) -> Iterator[Guess]:
        """With an event that stands elsewhere in the place of another."""
        trial = self._trial(self.inside)
        for stray in self._elsewhere():
            for slot, place in enumerate(self.inside if stray not in self.slot else ()):
                trial.put({slot: stray})
                yield Guess(trial, self.length, [place])
                trial.put({slot: place})

    def _inserts(self, widths: tuple[int, ...]) -> Iterator[Guess]:
        """Without one event, or without some in a row."""
        for width in widths:
            used = self.length + width
            if used > len(self.free):
                return
            trial = self._trial(self.free[width:used])
            for at in range(self.length + 1):
                if at:
                    trial.put({at - 1: self.free[at - 1]})
                yield Guess(trial, used, self.free[at : at + width])

    def _returns(self) -> Iterator[Guess]:
        """With an event that stands elsewhere brought back, to every place."""
        for stray in self._elsewhere():
            others = self.free[: self.length - 1]
            if len(others) < self.length - 1 or stray in others:
                continue
            trial = self._trial([stray, *others])
            yield Guess(trial, self.length - 1)
            for slot, place in enumerate(others):
                trial.put({slot: place, slot + 1: stray})
                yield Guess(trial, self.length - 1)

    @functools.cache  # noqa: B019 (one search a segment)
    def _elsewhere(self) -> list[int]:
        """Events taken out before, and those that stand elsewhere and whose number belongs here; the oddest first."""
        events, odd = self.of.event_ids, {}
        near = sorted(events[at] for at in range(max(0, self.place - 8), min(self.past, self.end + 8)))
        if not near:
            return self.of.spare
        low, high = near[len(near) // 10] - 16, near[len(near) * 9 // 10] + 16
        others = itertools.chain(range(self.end - 1, self.past), range(max(0, self.place - 4096), self.place))
        for at in itertools.islice(others, 500_000):
            if low <= events[at] <= high and self.of.index_of[at] < 0:
                beside = sorted(events[max(0, at - 4) : at + 5])
                odd[at] = abs(events[at] - beside[len(beside) // 2])
        oddest = sorted(odd, key=lambda at: -odd[at])
        return list(dict.fromkeys([*self.of.spare, *oddest[: max(16, min(256, 20_000 // self.length))]]))

    def _orders(self) -> Iterator[Guess]:
        """In the order of numbers, of times; with two exchanged of those that are out of it."""
        for key in (self.of.event_ids, self.of.times):
            yield Guess(self._trial(sorted(self.inside, key=key.__getitem__)), self.length)
        yield from self._exchanged(itertools.combinations(self._oddest(), 2))

    def _exchanges(self) -> Iterator[Guess]:
        """With an odd one exchanged with any, or any two."""
        inside = self.inside
        odd = ((one, other) for one in self._oddest() for other in inside if one != other)
        yield from self._exchanged(itertools.chain(odd, itertools.combinations(inside, 2)))

    def _exchanged(self, pairs: Iterable[tuple[int, int]]) -> Iterator[Guess]:
        trial = self._trial(self.inside)
        for one, other in pairs:
            trial.put({self.slot[one]: other, self.slot[other]: one})
            yield Guess(trial, self.length)
            trial.put({self.slot[one]: one, self.slot[other]: other})

    def _moves(self) -> Iterator[Guess]:
        """With one moved to any place, the odd ones first."""
        odd = self._oddest()
        for one in [*odd, *sorted(set(self.inside) - set(odd))]:
            yield from self._moved(one, self.length)

    def _moved(self, one: int, most: int) -> Iterator[Guess]:
        slot = self.slot[one]
        for step, end in ((-1, max(-1, slot - most)), (1, min(self.length, slot + most))):
            trial = self._trial(self.inside) if most >= self.length else self._near_trial
            for to in range(slot + step, end, step):
                trial.put({to: one, to - step: trial.slots[to]})
                yield Guess(trial, self.length)
            if trial is self._near_trial:
                trial.put({at: self.inside[at] for at in range(min(slot, end + 1), max(slot + 1, end))})

    @functools.cached_property
    def _near_trial(self) -> Trial:
        return self._trial(self.inside)

    def _dates(self) -> Iterator[Guess]:
        """An event out of time, with every microsecond its neighbours leave it."""
        for at in misdated(self.of, self.inside)[:4]:
            trial, slot = self._trial(self.inside), self.slot[at]
            document = self.of.document(at)
            if document is not None:
                named, number = trial.links[slot]
                document |= {"prev": None if named < 0 else named, "stream_seq": number}
            for text, leaf in times_of(document, times_near(self.of, at), 50_000):
                trial.force(slot, leaf)
                yield Guess(trial, self.length, dated={at: text})

    def _oddest(self) -> list[int]:
        return sorted({*odd_ones(self.inside, self.of.event_ids), *odd_ones(self.inside, self.of.times)})[:48]


def odd_ones(places: list[int], key: Sequence[int]) -> list[int]:
    """Those without which the key would ascend."""
    kept = set(longest_ascent([key[at] for at in places]))
    return [at for number, at in enumerate(places) if number not in kept]


def times_near(of: Diagnosis, place: int) -> list[int]:
    """Times of the events with the numbers around, sorted: number and time are taken together, when it is written."""
    around = range(max(0, place - 32), min(len(of.times), place + 33))
    places = [at for at in around if at != place and of.times[at] >= 0]
    places.sort(key=lambda at: abs(of.event_ids[at] - of.event_ids[place]))
    return sorted(of.times[at] for at in places[:4])


def misdated(of: Diagnosis, places: Iterable[int]) -> list[int]:
    """Places of events whose time is off that of the events numbered around, by more than a second; the worst first."""
    off = {}
    for place in places:
        near = times_near(of, place)
        if near and of.times[place] >= 0:
            middle = near[1:-1] or near
            slack = 1_000_000 + (2 * (near[-1] - near[0]) if len(near) < 3 else 0)
            distance = max(middle[0] - of.times[place], of.times[place] - middle[-1])
            if distance > slack:
                off[place] = distance
    return sorted(off, key=lambda place: -off[place])


def times_of(document: dict[str, Any] | None, near: list[int], most: int) -> Iterator[tuple[str, bytes]]:
    """Leaf hashes of an event with other times.

    First the time it has on other seconds near its neighbours', then all instants around those, nearest first.
    """
    if document is None or not near:
        return
    mark = "@" * 27
    before, _, after = canonical({**document, "at": mark}).partition(f'"at":"{mark}"'.encode())
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
        self.of, self.start, self.true, self.size = of, of.begin, true, size
        self.deadline = time.monotonic() + 20
        there = bytearray(len(true) // 32)
        for place in range(size):
            if of.index_of[place] >= 0:
                there[of.index_of[place] - self.start] = 1
        self.missing = [real for real, found in enumerate(there) if not found]
        self.foreign = [place for place in range(size) if of.index_of[place] < 0]
        self.whole = size == len(of.labels)

    def real(self, place: int) -> int:
        return self.of.index_of[place] - self.start

    def leaf(self, real: int) -> bytes:
        return bytes(self.true[32 * real : 32 * real + 32])

    def findings(self) -> list[Finding]:
        self._match()
        found, kept = self._moved()
        foreign, missing = self.foreign, self.missing
        strange: list[int] = []
        gone: list[int] = []
        # Between two events that stayed, what is foreign stands for what is missing: it was edited.
        for shown_stop, real_stop in self._anchors(kept):
            these = foreign[: bisect.bisect_left(foreign, shown_stop)]
            those = missing[: bisect.bisect_left(missing, real_stop)]
            foreign, missing = foreign[len(these) :], missing[len(those) :]
            both = min(len(these), len(those))
            found += [self._edit(one, other) for one, other in zip(these[:both], those[:both])]  # noqa: B905
            strange += these[both:]
            gone += those[both:]
        found += self._redated(strange, gone)
        found += [self._insert(first, last) for first, last in runs(strange)]
        found += [self._delete(first, last) for first, last in runs(gone)]
        for place, at in self.of.redated.items():
            text = f"its time was {at} and was changed; that hashes to the signed root"
            found.append(Finding("backdate", text, self.start + self.real(place)))
        return sorted(self._with_links(found), key=lambda one: one.first or 0)

    def _with_links(self, found: list[Finding]) -> list[Finding]:
        linked = [place for place in range(self.size) if self.of.relinked[place] and place not in self.of.redated]
        if not linked:
            return found
        if found:
            text = f"; {len(linked)} other events were numbered or linked anew to hide it"
            return [Finding(found[0].kind, found[0].text + text, found[0].first, found[0].last), *found[1:]]
        text = "its number in its stream, or the index it names before it, was changed; nothing else was"
        return [Finding("edit", text, self.start + self.real(place)) for place in linked]

    def _match(self) -> None:
        """Pair what is left by hash, and then with other links: events that stand far from their place."""
        where = {self.leaf(real): real for real in self.missing}
        for place in self.foreign:
            real = where.pop(self.of.leaf(place), None)
            if real is None:
                real = next((one for leaf, one in where.items() if self._relinked(place, one, leaf)), None)
                if real is not None:
                    where.pop(self.leaf(real))
                    self.of.relinked[place] = 1
            if real is not None:
                self.of.index_of[place] = self.start + real
        self.missing = sorted(where.values())
        self.foreign = [place for place in self.foreign if self.of.index_of[place] < 0]

    def _relinked(self, place: int, real: int, leaf: bytes) -> bool:
        of, number = self.of, self.of.numbers[place]
        if number < 0 or time.monotonic() > self.deadline - 10:
            return False
        mates = [self.real(at) for at in range(self.size) if of.streams[at] == of.streams[place]]
        before = max((self.start + mate for mate in mates if 0 <= mate < real), default=-1)
        return any(
            of.linked(place, named, number + step) == leaf
            for named in dict.fromkeys((before, of.named[place]))
            for step in (0, 1, -1, 2, -2, 3, -3)
        )

    def _moved(self) -> tuple[list[Finding], list[int]]:
        """Findings of events out of place, and the places of those that stayed in order."""
        places = [place for place in range(self.size) if self.of.index_of[place] >= 0]
        order = [self.of.index_of[place] for place in places]
        if all(map(int.__lt__, order, order[1:])):
            return [], places
        kept = [places[at] for at in longest_ascent(order)]
        moved = [(place, self.real(place)) for place in sorted(set(places) - set(kept))]
        said = ", ".join(f"that of {self.start + real} stands at {self.start + place}" for place, real in moved[:4])
        text = f"{_events(1, len(moved))} out of place: {said}{' ...' if len(moved) > 4 else ''}"
        ends = [end for pair in moved for end in pair]
        return [Finding("reorder", text, self.start + min(ends), self.start + max(ends))], kept

    def _anchors(self, kept: list[int]) -> Iterator[tuple[int, int]]:
        """Of the events that stayed, (place, true place) of those before which something is foreign or missing."""
        at = 0
        for place in kept:
            real = self.real(place)
            if at < len(self.foreign) + len(self.missing) and (
                bisect.bisect_left(self.foreign, place) + bisect.bisect_left(self.missing, real) > at
            ):
                at = bisect.bisect_left(self.foreign, place) + bisect.bisect_left(self.missing, real)
                yield place, real
        yield LIMIT_COUNT, LIMIT_COUNT

    def _edit(self, place: int, real: int) -> Finding:
        index, leaf = self.start + real, self.leaf(real)
        near, document = times_near(self.of, place), self.of.document(place)
        at = document.get("at") if document else None
        for true_at, found in times_of(document, near, 600_000) if time.monotonic() < self.deadline else ():
            if found == leaf:
                return Finding("backdate", f"its time was {true_at} and was changed to {at}; nothing else was", index)
        if document is not None and misdated(self.of, [place]):
            text = f"its time {at} does not fit where it stands, and it is not the event that was signed"
            return Finding("backdate", text, index)
        text = f"its leaf hash is {self.of.leaf(place).hex()[:16]}…, signed was {leaf.hex()[:16]}…"
        return Finding("edit", text, index)

    def _redated(self, strange: list[int], gone: list[int]) -> list[Finding]:
        """An event that was moved and given another time: put both right and see whether it is one that is missing."""
        for place, real in itertools.product(strange[:2], gone[:2]):
            near = times_near(self.of, min(real, len(self.of.times) - 1))
            leaf = self.leaf(real)
            for true_at, candidate in times_of(self.of.document(place), near, 200_000):
                if candidate == leaf:
                    strange.remove(place)
                    gone.remove(real)
                    text = f"the event of index {self.start + real}, of {true_at}, was moved and dated anew"
                    return [Finding("backdate", text, self.start + place)]
        return []

    def _insert(self, first: int, last: int) -> Finding:
        return Finding("insert", f"{_events(first, last)} the log never had", self.start + first, self.start + last)

    def _delete(self, first: int, last: int) -> Finding:
        end = last == len(self.true) // 32 - 1 and all(self.real(place) < first for place in range(self.size))
        if self.whole and end:
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
        self.of, self.place, self.start, self.stop, self.begin = of, place, start, stop, of.begin
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
        witnesses = (self._twice, self._labels, self._names, self._numbers, self._shift, self._disorder, self._misdated)
        for witness in witnesses:
            found = witness()
            if found is not None:
                return found
        text = "nothing here says that events were added, taken away or put elsewhere"
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

    def _names(self) -> Reason | None:
        """Events name the index of the one before in their stream: what they name that is not there, or elsewhere."""
        of = self.of
        low, high, by = self.place - 1, self.end, 0
        for place, before in self._mates():
            named, at = of.named[place], of.named[place] - self.begin
            if 0 <= at < len(of.labels) and of.numbers[at] < 0:
                continue
            skips = named >= self.begin if before < 0 else of.numbers[place] > of.numbers[before] + 1
            if skips and self.start <= named < self.stop:
                text = (
                    f"the event at {self.begin + place} names that of {named} before it in its stream: it is not there"
                )
                return "delete", text, named
            if before >= 0 and of.numbers[place] == of.numbers[before] + 1:
                if at == before < high:
                    low = max(low, before)
                elif at != before and self.place <= before < high:
                    high, by = before, at - before
        if not by:
            return None
        first, final = self._index(low + 1), self._index(min(high, self.end - 1))
        kind, said = ("delete", "more") if by > 0 else ("insert", "fewer")
        text = f"later events name indexes as if {_events(1, abs(by))} {said} stood before them"
        return kind, text, first if first == final else (first, final)

    def _mates(self) -> Iterator[tuple[int, int]]:
        """Each event's place with that of the one before in its stream, or -1."""
        last: dict[int, int] = {}
        for place, stream in enumerate(self.of.streams):
            if self.of.numbers[place] >= 0:
                yield place, last.get(stream, -1)
                last[stream] = place

    def _numbers(self) -> Reason | None:
        """A number in a stream that is skipped, or there twice, where links were made anew without care."""
        of = self.of
        for place, before in self._mates():
            if before < 0 or place < self.place or before >= self.end:
                continue
            if of.numbers[place] > of.numbers[before] + 1:
                text = f"the stream of the event at {self.begin + place} has no number {of.numbers[before] + 1}"
                return "delete", text, (self._index(max(before, self.place)), self._index(min(place, self.end - 1)))
            if of.numbers[place] <= of.numbers[before] and place < self.end:
                return "insert", "its stream had reached its number already", self._index(place)
        return None

    def _misdated(self) -> Reason | None:
        for place in misdated(self.of, self.inside):
            return "backdate", "its time does not fit that of the events numbered around it", self._index(place)
        return None

    def _disorder(self) -> Reason | None:
        of, past = self.of, len(self.of.labels)
        around = [*range(max(0, self.place - 2000), self.place), *range(self.end, min(past, self.end + 2000))]
        usual = len(odd_ones(around, of.event_ids)) / max(1, len(around))
        found = odd_ones(list(self.inside), of.event_ids)
        if len(found) <= 3 * usual * len(self.inside) + (2 if usual else 0):
            return None
        by_time = set(odd_ones(list(self.inside), of.times))
        place = next((at for at in found if at in by_time), found[0])
        return "reorder", "its number is out of order, as few are elsewhere", self._index(place)

    def _shift(self) -> Reason | None:
        """By how many places the events after the segment stand off what the later heads' times say of them.

        No event is dated after the head that covers it; most of those after a head are dated after it.
        """
        heads = [(size, at) for size, _, at in self.of.bundle.points() if size >= self.stop and at is not None][:400]
        late = {by: sum(self._later(size - self.begin + by - 1, at) for size, at in heads) for by in range(-8, 9)}
        after = {by: sum(self._later(size - self.begin + by, at) for size, at in heads) for by in range(-8, 9)}
        if late[0] >= max(2, len(heads) // 20):
            count = next((-by for by in range(-1, -9, -1) if not late[by]), 0)
            why = f"{late[0]} of the later heads cover events dated after them, "
            why += f"none would with {_events(1, count)} more here" if count else "as if some were missing here"
            return self._fewer(count, why)
        best = max(range(1, 9), key=lambda by: (after[by], -by))
        if not late[best] and 10 * after[best] >= 9 * len(heads) and 2 * after[0] <= len(heads) > 4:
            return "insert", f"the times of the later heads fit with {_events(1, best)} less here", None
        short = max((size for size, _, _ in self.of.bundle.points()), default=0) - self.begin - len(self.of.labels)
        if not self.of.bundle.edges_after(self.of.bundle.end) and short > 0:
            return self._fewer(short, f"{short} events fewer than the last head has")
        found = self._fewer(1, "event numbers are skipped nowhere near")
        return found if isinstance(found[2], int) and self._seldom() else None

    def _seldom(self) -> bool:
        """Whether numbers are so seldom skipped around that one skipped in the segment is a sign."""
        events, past = self.of.event_ids, len(self.of.labels)
        for some in (range(max(0, self.place - 500), self.place), range(self.end, min(past, self.end + 500))):
            numbers = {events[at] for at in some if events[at] >= 0}
            if len(numbers) > 20:
                low, *_, high = sorted(numbers)
                skipped = high - low + 1 - len(numbers)
                return 2 * skipped * len(self.inside) < len(numbers)
        return False

    def _later(self, place: int, at: int) -> bool:
        return 0 <= place < len(self.of.times) and self.of.times[place] > at

    def _fewer(self, count: int, why: str) -> Reason:
        """Where that many are missing: by the numbers that are skipped among those around."""
        events, past = self.of.event_ids, len(self.of.labels)
        around = {events[at]: at for at in range(max(0, self.place - 200), min(past, self.end + 200))}
        inside = sorted(events[at] for at in self.inside if events[at] >= 0)
        span = range(inside[0], inside[-1] + 2) if inside and inside[-1] - inside[0] < LARGEST_SEARCH else range(0)
        skipped = [event for event in span if event not in around]
        within = [event for event in skipped if event - 1 in around and around[event - 1] in self.inside]
        place = around[within[0] - 1] + 1 if count == 1 and len(within) == 1 else 0
        # Where numbers ascend, the one that is missing says where.
        if place and place < past and events[place] == within[0] + 1:
            return "delete", f"{why}, and event {within[0]} is missing", self._index(min(place, self.end))
        if self.end == past and len(skipped) < 2 and self.stop > self.begin + past:
            missing = self.begin + past, max(size for size, _, _ in self.of.bundle.points()) - 1
            return "truncate", f"{why}, and no number is skipped before", missing
        return "delete", why, None


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
            document = json.loads(line[len(wanted) :]) if line[len(wanted) :][:1] != b"-" else {}
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
