"""An outside service on loopback that does what it is told: answers, stalls, drips, resets."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from apps.core.testing.waiting import LOOK_SECONDS

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeService"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(self.command)
        try:
            self.server.behave(self)
        except OSError:
            self.close_connection = True  # the caller gave up

    do_POST = do_PUT = do_GET  # noqa: N815 (names of the base class)

    def reply(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class FakeService(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self.behave: Behaviour = answers()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, *args: Any) -> None:
        pass


@contextmanager
def fake_service() -> Iterator[FakeService]:
    service = FakeService()
    threading.Thread(target=service.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()


def answers(status: int = 200, body: bytes = b"{}", **headers: str) -> Behaviour:
    return lambda handler: handler.reply(status, body, **headers)


def one_after_another(*behaviours: Behaviour) -> Behaviour:
    """The last one stays."""
    left = list(behaviours)

    def behave(handler: Handler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return behave


def late(seconds: float) -> Behaviour:
    def behave(handler: Handler) -> None:
        time.sleep(seconds)
        handler.reply(200)

    return behave


def resets(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def drips_headers(handler: Handler) -> None:
    """A byte every tenth of a second: no single wait is long."""
    handler.close_connection = True
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.1)


def drips_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "200")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)
