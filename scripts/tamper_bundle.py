"""Tamper with a copy of an audit bundle, without the log's signing key: for tests and the demo.

`python scripts/tamper_bundle.py BUNDLE COPY --kind edit --index 12 --skill naive|tiles|careful`

naive: only events.jsonl changes. tiles: leaves.bin and the manifest are computed anew as well. careful: indexes,
numbers in streams and the indexes they name too, and heads that a shorter log cannot have are taken out: everything
that needs no key.
"""

import argparse
import base64
import hashlib
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KINDS = ("edit", "delete", "insert", "duplicate", "reorder", "move", "backdate", "truncate", "rewrite-tail", "resign")


def text_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def leaf(body: bytes) -> bytes:
    if body.startswith(b"-"):
        return bytes.fromhex(body[1:].decode())
    return hashlib.sha256(b"\x00" + body).digest()


class Copy:
    """A copy of a bundle in memory: its events, heads and manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_bytes())
        lines = (folder / "events.jsonl").read_bytes().split(b"\n")[:-1]
        self.labels = [int(line.split(b"\t", 1)[0]) for line in lines]
        self.bodies = [line.split(b"\t", 1)[1] for line in lines]
        self.heads = [json.loads(line) for line in (folder / "heads.jsonl").read_bytes().splitlines()]

    def at(self, place: int, **changed: Any) -> bytes:
        return text_of(json.loads(self.bodies[place]) | changed)

    def change(self, kind: str, place: int, to: int) -> None:
        """Do it to the event at `place`."""
        getattr(self, "_" + kind.replace("-", "_"))(place, to)

    def _edit(self, place: int, to: int) -> None:
        self.bodies[place] = self.at(place, after={"amount": "999999", "state": "OPEN"})

    def _delete(self, place: int, to: int) -> None:
        del self.bodies[place], self.labels[place]

    def _insert(self, place: int, to: int) -> None:
        near = json.loads(self.bodies[place])
        body = near | {"after": {"amount": "1"}, "event": near["event"] - 1, "request_id": "never"}
        self.bodies.insert(place, text_of(body))
        self.labels.insert(place, self.labels[place])

    def _duplicate(self, place: int, to: int) -> None:
        self.bodies.insert(to, self.bodies[place])
        self.labels.insert(to, self.labels[to])

    def _reorder(self, place: int, to: int) -> None:
        self.bodies[place], self.bodies[to] = self.bodies[to], self.bodies[place]

    def _move(self, place: int, to: int) -> None:
        self.bodies.insert(to, self.bodies.pop(place))

    def _backdate(self, place: int, to: int) -> None:
        moment = datetime.strptime(json.loads(self.bodies[place])["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        earlier = moment - timedelta(days=30)
        self.bodies[place] = self.at(place, at=earlier.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    def _truncate(self, place: int, to: int) -> None:
        del self.bodies[place:], self.labels[place:]

    def _rewrite_tail(self, place: int, to: int) -> None:
        self.bodies[place:] = [self.at(one, request_id=f"other-{one}") for one in range(place, len(self.bodies))]
        self.heads = [head for head in self.heads if head["size"] <= self.manifest["from"] + place]

    def _resign(self, place: int, to: int) -> None:
        """Sign everything with a key of one's own."""
        key = Ed25519PrivateKey.generate()
        mine = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
        for head in self.heads:
            text = {name: head[name] for name in ("log", "root", "size", "time")}
            signature = key.sign(b"bookentry-audit-head-v1\n" + text_of(text))
            head |= {"key_id": mine, "signature": base64.b64encode(signature).decode()}

    def relink(self) -> None:
        """Number the events and link the streams as if nothing had happened."""
        start = self.manifest["from"]
        last: dict[str, tuple[int, int]] = {}
        for place, body in enumerate(self.bodies):
            if not body.startswith(b"-"):
                document = json.loads(body)
                stream = document["stream"]
                if stream in last:
                    document |= {"stream_seq": last[stream][0] + 1, "prev": last[stream][1]}
                elif start == 0:
                    document |= {"stream_seq": 1, "prev": None}
                self.bodies[place] = text_of(document)
                last[stream] = document["stream_seq"], start + place
        self.labels = list(range(start, start + len(self.bodies)))
        stop = start + len(self.bodies)
        if self.manifest["to"] == self.manifest["size"]:
            self.heads = [head for head in self.heads if head["size"] <= stop]
            self.manifest["size"] = max((head["size"] for head in self.heads), default=0)
            if stop > self.manifest["size"] and stop < self.manifest["to"]:
                # The events after the last head that still can be shown would give it away.
                del self.bodies[self.manifest["size"] - start :], self.labels[self.manifest["size"] - start :]
                stop = self.manifest["size"]
        self.manifest["to"] = stop

    def write(self, *, skill: str) -> None:
        if skill == "careful":
            self.relink()
        lines = zip(self.labels, self.bodies, strict=True)
        (self.folder / "events.jsonl").write_bytes(b"".join(b"%d\t%s\n" % line for line in lines))
        (self.folder / "heads.jsonl").write_bytes(b"".join(text_of(head) + b"\n" for head in self.heads))
        if skill != "naive":
            (self.folder / "leaves.bin").write_bytes(b"".join(map(leaf, self.bodies)))
            for name, entry in self.manifest["files"].items():
                data = (self.folder / name).read_bytes()
                entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            (self.folder / "manifest.json").write_bytes(text_of(self.manifest))


def tamper(source: Path, target: Path, *, kind: str, index: int, to: int | None = None, skill: str = "naive") -> None:
    """Copy the bundle and do it to the event of that index."""
    shutil.copytree(source, target)
    copy = Copy(target)
    place = index - copy.manifest["from"]
    copy.change(kind, place, place + 1 if to is None else to - copy.manifest["from"])
    if skill == "tiles":
        copy.labels = list(range(copy.manifest["from"], copy.manifest["from"] + len(copy.bodies)))
    copy.write(skill=skill)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("copy", type=Path)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--to", type=int)
    parser.add_argument("--skill", choices=("naive", "tiles", "careful"), default="naive")
    options = parser.parse_args()
    tamper(options.bundle, options.copy, kind=options.kind, index=options.index, to=options.to, skill=options.skill)
    return 0


if __name__ == "__main__":
    sys.exit(main())
