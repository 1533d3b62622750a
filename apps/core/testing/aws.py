"""What fakes of AWS's services share: requests whose signature is checked, answers that a test bends, ways to fail."""

import hashlib
import hmac
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from apps.core.testing.waiting import LOOK_SECONDS

REGION, ACCOUNT = "eu-central-1", "111122223333"
ACCESS_KEY, SECRET_KEY = "AKIAFAKEFAKEFAKEFAKE", "f4keS3cretOfLoopbackOnlyAAAAAAAAAAAAAAAA"
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/(?P<service>\w+)/aws4_request, "
    r"SignedHeaders=(?P<headers>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Fault(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, status: int = 400) -> None:
        self.code, self.status = code, status
        super().__init__(code)


class AwsHandler(BaseHTTPRequestHandler):
    """One request; a fake says what it answers and how it words an error."""

    protocol_version = "HTTP/1.1"
    server: "FakeAws"
    service: str
    signed_headers: frozenset[str]

    def take(self) -> None:
        """Read, note, and answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(self.named())
        try:
            if self.server.behave is not None:
                self.server.behave(self)
            else:
                self.require_signature(body)
                self.answer(body)
        except Fault as fault:
            self.refuse(fault)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = take  # noqa: N815 (names of the base class)

    def named(self) -> str:
        """What the test sees of this request."""
        raise NotImplementedError

    def answer(self, body: bytes) -> None:
        """Answer a request whose signature is good. Raises Fault."""
        raise NotImplementedError

    def refuse(self, fault: Fault) -> None:
        """Answer with an error."""
        raise NotImplementedError

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        """Answer."""
        self.send_response(status)
        self.send_header("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def require_signature(self, body: bytes) -> None:
        """SigV4, worked out from AWS's description of it. Raises Fault."""
        claimed = self._claimed()
        if not hmac.compare_digest(self._signature(body, claimed), claimed["signature"]):
            raise Fault("InvalidSignatureException")

    def _claimed(self) -> dict[str, str]:
        match = SIGNED.fullmatch(self.headers.get("Authorization", ""))
        if match is None or match["service"] != self.service:
            raise Fault("IncompleteSignature")
        if match["key"] != ACCESS_KEY or match["region"] != REGION:
            raise Fault("UnrecognizedClientException")
        if not self.signed_headers <= {*match["headers"].split(";")}:
            raise Fault("IncompleteSignature")
        return match.groupdict()

    def _signature(self, body: bytes, claimed: dict[str, str]) -> str:
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in claimed["headers"].split(";"))
        path, _, query = self.path.partition("?")
        ordered = "&".join(sorted(part if "=" in part else f"{part}=" for part in query.split("&") if part))
        digest = hashlib.sha256(body).hexdigest()
        if self.headers.get("X-Amz-Content-SHA256", digest) != digest:
            raise Fault("XAmzContentSHA256Mismatch")
        request = f"{self.command}\n{path}\n{ordered}\n{headers}\n{claimed['headers']}\n{digest}"
        scope = f"{claimed['day']}/{REGION}/{self.service}/aws4_request"
        hashed = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{SECRET_KEY}".encode()
        for part in (claimed["day"], REGION, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['X-Amz-Date']}\n{scope}\n{hashed}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def log_message(self, *args: Any) -> None:
        pass


class FakeAws(ThreadingHTTPServer):
    """A service on loopback. `behave` takes the place of an honest answer."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[AwsHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.seen: list[str] = []
        self.behave: Callable[[Any], None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *args: Any) -> None:
        pass


AFake = TypeVar("AFake", bound=FakeAws)


@contextmanager
def serving(fake: AFake) -> Iterator[AFake]:
    """The fake, answering until the block ends."""
    threading.Thread(target=fake.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
    try:
        yield fake
    finally:
        fake.shutdown()
        fake.server_close()


def late(seconds: float) -> Callable[[AwsHandler], None]:
    """Answers when nobody waits any more."""

    def behave(handler: AwsHandler) -> None:
        time.sleep(seconds)
        handler.reply(200, b"{}", {})

    return behave


def hangs_up(handler: AwsHandler) -> None:
    """Resets the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True
