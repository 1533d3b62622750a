"""Write bundles of an invented log, without any code of the product: what the verifier is tested on."""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LOG = "bookentry.test/audit"
BEGAN = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SALT = bytes(range(32))


def new_key(seed: int = 1) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def jcs(value: Any) -> bytes:
    """RFC 8785 of ASCII keys and no floats."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def leaf(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The tree hash of RFC 6962, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + root(hashes[:half]) + root(hashes[half:])).digest()


def cover(hashes: Sequence[bytes], start: int, stop: int) -> list[str]:
    """The largest whole subtrees of [start, stop), from left to right."""
    found = []
    while start < stop:
        width = start & -start or 1 << 62
        while width > stop - start:
            width //= 2
        found.append(root(hashes[start : start + width]).hex())
        start += width
    return found


@dataclass
class Log:
    """Events of a log, and the sizes at which its heads are signed."""

    bodies: list[bytes] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    streams: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    event: int = 100
    at: datetime = BEGAN

    def add(self, stream: str, *, at: datetime | None = None, event: int | None = None, **columns: Any) -> None:
        """Append an event of the stream `type/id`."""
        sequence, previous = self.streams.get(stream, (0, None))
        self.at = at or self.at + timedelta(milliseconds=7, microseconds=len(self.bodies) * 37 % 900)
        self.event = event or self.event + 1
        kind, _, name = stream.partition("/")
        body = {
            "action": "order.placed", "after": {"amount": str(1000 + len(self.bodies)), "state": "OPEN"},
            "at": self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "before": None,
            "committed": {"ip": commitment("ip", "203.0.113.9"), "user_agent": commitment("user_agent", "curl/8")},
            "event": self.event, "party": str(UUID(int=len(self.bodies) % 7)), "prev": previous,
            "record_class": "audit_trail", "request_id": f"req-{len(self.bodies)}", "resource_id": name,
            "resource_type": kind, "session": None, "source": "app", "stream": stream, "stream_seq": sequence + 1,
            "user": str(UUID(int=len(self.bodies) % 5)), "v": 2,
        }  # fmt: skip
        text = jcs(body | columns)
        self.streams[stream] = sequence + 1, len(self.bodies)
        self.bodies.append(text)
        self.times.append(self.at)

    def add_batch(self, body: str) -> None:
        """Append the event of a batch, and the row of the journal that it names."""
        before = hashlib.sha256(b"before").hexdigest()
        row = {"body": body, "epoch": 3, "prev_hash": before, "seq": len(self.rows) + 1, "shard": "main"}
        digest = hashlib.sha256(f"{before} {row['seq']} 3\n{body}".encode()).hexdigest()
        after = {"commands": 1, "epoch": 3, "hash": digest, "seq": row["seq"]}
        self.rows.append({"index": len(self.bodies), **row})
        self.add("dex_journal/main", action="dex.batch_committed", after=after)

    def sign(self) -> None:
        """A head is signed here, 40 ms later."""
        self.heads.append(len(self.bodies))
        self.at += timedelta(milliseconds=40)

    def head(self, size: int, key: Ed25519PrivateKey, **changed: Any) -> dict[str, Any]:
        """The signed head of that size."""
        at = max(self.times[:size]) + timedelta(milliseconds=20) if size else BEGAN
        text = {"log": LOG, "root": root([leaf(body) for body in self.bodies[:size]]).hex(), "size": size}
        text |= {"time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")} | changed
        signature = base64.b64encode(key.sign(b"bookentry-audit-head-v1\n" + jcs(text))).decode()
        key_id = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
        return {**text, "key_id": key_id, "signature": signature}

    def _later(self, index: int, size: int, nodes: list[bytes]) -> dict[str, Any]:
        return {"body": self.bodies[index].decode(), "index": index, "path": [one.hex() for one in nodes], "size": size}

    def write(
        self,
        folder: Path,
        key: Ed25519PrivateKey,
        *,
        start: int = 0,
        stop: int | None = None,
        expired: Collection[int] = (),
        expiries: Collection[int] = (),
    ) -> Path:
        """Write the bundle of [start, stop) as of the last head."""
        size = self.heads[-1]
        stop = size if stop is None else stop
        hashes = [leaf(body) for body in self.bodies]
        lines = [
            b"%d\t%s\n" % (index, b"-" + hashes[index].hex().encode() if index in expired else self.bodies[index])
            for index in range(start, stop)
        ]
        sizes = [one for one in self.heads if start <= one <= size]
        joints = [0, start] if start else []
        edges = [(0, start)] if joints else []
        after = [stop, *[one for one in sizes if one > stop]]
        edges += list(pairwise(after))
        folder.mkdir(parents=True)
        contents = {
            "events.jsonl": b"".join(lines),
            "leaves.bin": b"".join(hashes[start:stop]),
            "edges.jsonl": b"".join(
                jcs({"from": first, "to": last, "nodes": cover(hashes, first, last)}) + b"\n" for first, last in edges
            ),
            "heads.jsonl": b"".join(jcs(self.head(one, key)) + b"\n" for one in sizes),
            "keys.json": jcs({"keys": [{"key_id": self.head(size, key)["key_id"], "public_key": public(key)}]}),
        }
        rows = [row for row in self.rows if start <= row["index"] < stop and row["index"] not in expired]
        contents["journal.jsonl"] = b"".join(jcs(row) + b"\n" for row in rows)
        told = [self._later(index, size, path(hashes[:size], index)) for index in expiries]
        contents["expiries.jsonl"] = b"".join(jcs(one) + b"\n" for one in told)
        for name, data in contents.items():
            (folder / name).write_bytes(data)
        files = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in contents.items()
        }
        manifest = {"v": 1, "log": LOG, "from": start, "to": stop, "size": size, "files": files}
        (folder / "manifest.json").write_bytes(jcs(manifest | {"made_at": "2026-11-22T05:00:00Z"}))
        return folder


def path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of RFC 6962, word for word."""
    if len(hashes) == 1:
        return []
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    if index < half:
        return [*path(hashes[:half], index), root(hashes[half:])]
    return [*path(hashes[half:], index - half), root(hashes[:half])]


def commitment(name: str, value: str) -> str:
    return hmac.new(SALT, jcs({"name": name, "value": value}), hashlib.sha256).hexdigest()


def invent(count: int, *, every: int = 16, streams: int = 12, seed: int = 5) -> Log:
    """A log of `count` events of a few streams, with a head about every `every` events and one at the end."""
    chance, log = Random(seed), Log()
    for number in range(count):
        log.add(f"order/{chance.randrange(streams)}", event=log.event + (2 if chance.random() < 0.02 else 1))
        if (number + 1) % every == 0 and number + 1 < count:
            log.sign()
    log.sign()
    return log


def concurrent(count: int, *, every: int = 16, streams: int = 12, seed: int = 5) -> Log:
    """A log of transactions side by side: numbers and times are taken when written, places by transaction."""
    chance, log = Random(seed), Log()
    written = [
        (number + chance.randrange(6), number, BEGAN + timedelta(milliseconds=3 * number)) for number in range(count)
    ]
    for _, number, at in sorted(written):
        log.add(f"order/{chance.randrange(streams)}", at=at, event=100 + number)
        if len(log.bodies) % every == 0 and len(log.bodies) < count:
            log.heads.append(len(log.bodies))
    log.heads.append(count)
    return log
