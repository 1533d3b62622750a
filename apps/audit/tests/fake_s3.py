"""S3 on loopback: one bucket with versions under object lock, signatures checked, and ways to be no such bucket."""

import hashlib
import itertools
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from apps.core.testing.aws import AwsHandler, FakeAws, Fault, serving

BUCKET = "audit-of-a-test"
XML = {"Content-Type": "application/xml"}


@dataclass
class Kept:
    """One version of an object."""

    key: str
    version: str
    content: bytes
    mode: str
    until: str
    is_marker: bool = False


@dataclass
class Nature:
    """How this bucket differs from an honest one under object lock."""

    has_lock: bool = True
    has_versions: bool = True
    # What is done to the retention that a put asks for, and to bytes and version that a read gives.
    retains: Callable[[str, str], tuple[str, str]] = field(default=lambda mode, until: (mode, until))
    reads: Callable[[bytes], bytes] = field(default=lambda content: content)
    names: Callable[[str], str] = field(default=lambda version: version)
    # An operation that is answered otherwise: by its name, as in `seen`.
    instead: dict[str, Callable[["Handler"], None]] = field(default_factory=dict)
    # What happens behind the answer: called once a put is done and before it is answered.
    after_put: Callable[[], None] = field(default=lambda: None)


class Handler(AwsHandler):
    server: "FakeS3"
    service = "s3"
    signed_headers = frozenset({"host", "x-amz-content-sha256", "x-amz-date"})

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def key(self) -> str:
        bucket, _, key = unquote(urlsplit(self.path).path).removeprefix("/").partition("/")
        if bucket != BUCKET:
            raise Fault("NoSuchBucket", 404)
        return key

    def named(self) -> str:
        return f"{self.command} versions" if "versions" in self.query else self.command

    def answer(self, body: bytes) -> None:
        if instead := self.server.nature.instead.get(self.named()):
            instead(self)
            return
        match self.named():
            case "PUT":
                self._put(body)
            case "GET" | "HEAD":
                kept = self._found()
                self.reply(200, self.server.nature.reads(kept.content), {**self._version(kept), **_lock(kept)})
            case "GET versions":
                self._versions()
            case "DELETE":
                self._delete()
            case _:
                raise Fault("MethodNotAllowed", 405)

    def _put(self, body: bytes) -> None:
        headers, nature = self.headers, self.server.nature
        if headers["x-amz-checksum-sha256"] is None or headers["If-None-Match"] != "*":
            raise Fault("InvalidRequest")
        if b64decode(headers["x-amz-checksum-sha256"]) != hashlib.sha256(body).digest():
            raise Fault("BadDigest")
        mode, until = headers["x-amz-object-lock-mode"], headers["x-amz-object-lock-retain-until-date"]
        if not nature.has_lock and (mode or until):
            raise Fault("InvalidRequest")
        if (current := self.server.current(self.key)) and not current.is_marker:
            raise Fault("PreconditionFailed", 412)
        mode, until = nature.retains(mode or "", until or "")
        kept = self.server.keep(self.key, body, mode, until)
        nature.after_put()
        self.reply(200, b"", self._version(kept))

    def _version(self, kept: Kept) -> dict[str, str]:
        named = self.server.nature.names(kept.version)
        return {"x-amz-version-id": named} if self.server.nature.has_versions and named else {}

    def _found(self) -> Kept:
        if version := self.query.get("versionId"):
            kept = next((k for k in self.server.kept if (k.key, k.version) == (self.key, version)), None)
            if kept is None:
                raise Fault("NoSuchVersion", 404)
        elif (kept := self.server.current(self.key)) is None or kept.is_marker:
            raise Fault("NoSuchKey", 404)
        return kept

    def _versions(self) -> None:
        """Pages of two, as they are by the thousand with Amazon."""
        query = self.query
        begin = (query.get("key-marker", ""), query.get("version-id-marker", ""))
        rows = sorted((k for k in self.server.kept if k.key.startswith(query["prefix"])), key=lambda k: k.key)
        names = [(k.key, k.version) for k in rows]
        rows = rows[names.index(begin) + 1 :] if begin[1] else [k for k in rows if k.key > begin[0]]
        page, more = rows[:2], len(rows) > 2
        said = "".join(_listed(kept) for kept in page)
        if more:
            said += f"<NextKeyMarker>{escape(page[-1].key)}</NextKeyMarker>"
            said += f"<NextVersionIdMarker>{page[-1].version}</NextVersionIdMarker>"
        said = f"<ListVersionsResult><IsTruncated>{str(more).lower()}</IsTruncated>{said}</ListVersionsResult>"
        self.reply(200, said.encode(), XML)

    def _delete(self) -> None:
        if "versionId" in self.query:
            raise Fault("AccessDenied", 403)
        self.server.mark_deleted(self.key)
        self.reply(204, b"", {})

    def refuse(self, fault: Fault) -> None:
        said = f"<Error><Code>{fault.code}</Code><Message>refused by the fake</Message></Error>"
        self.reply(fault.status, said.encode(), XML)


def _lock(kept: Kept) -> dict[str, str]:
    lock = {"x-amz-object-lock-mode": kept.mode, "x-amz-object-lock-retain-until-date": kept.until}
    return lock if kept.mode else {}


def _listed(kept: Kept) -> str:
    tag = "DeleteMarker" if kept.is_marker else "Version"
    return f"<{tag}><Key>{escape(kept.key)}</Key><VersionId>{kept.version}</VersionId></{tag}>"


class FakeS3(FakeAws):
    """`nature` is that of the bucket; `kept` what stands in it, the oldest first."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self._numbers = itertools.count(1)
        self.be_honest()

    def be_honest(self) -> None:
        """An empty, honest bucket from now on."""
        self.behave, self.nature, self.kept = None, Nature(), []
        self.seen.clear()

    def keep(self, key: str, content: bytes, mode: str = "COMPLIANCE", until: str = "2099-01-01T00:00:00Z") -> Kept:
        """One more version under this name."""
        kept = Kept(key, f"v{next(self._numbers)}.of.a.test", content, mode, until)
        self.kept.append(kept)
        return kept

    def mark_deleted(self, key: str) -> None:
        """As a DELETE without a version leaves it."""
        kept = self.keep(key, b"")
        kept.is_marker = True

    def current(self, key: str) -> Kept | None:
        """The newest version of a name."""
        return next((kept for kept in reversed(self.kept) if kept.key == key), None)


@contextmanager
def fake_s3() -> Iterator[FakeS3]:
    with serving(FakeS3()) as s3:
        yield s3


def says(code: str, status: int) -> Callable[[Handler], None]:
    """Answers with this error."""

    def instead(handler: Handler) -> None:
        raise Fault(code, status)

    return instead


def instant(text: str) -> datetime:
    """As S3 writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
