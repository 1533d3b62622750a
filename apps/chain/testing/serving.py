"""The HTTP side of a node of our own: strict JSON-RPC 2.0 in, a document out, a thread for every request."""

import json
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from apps.chain.testing.lies.base import HungUp, Question, Refusal

FIELDS = {"jsonrpc", "id", "method", "params"}


class RpcServer(ThreadingHTTPServer):
    """Listens on a port of loopback; `answer` makes the document that answers a body."""

    daemon_threads = True

    def __init__(self, answer: Callable[[bytes], Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_address[1]}"


def read_questions(body: bytes) -> tuple[list[Question], bool]:
    """The questions of a request, and whether it was a single one. Raises ValueError."""
    document = json.loads(body)
    requests = document if isinstance(document, list) else [document]
    if not requests:
        raise ValueError("a non-empty batch is expected")
    for request in requests:
        well_formed = (
            isinstance(request, dict)
            and set(request) == FIELDS
            and request["jsonrpc"] == "2.0"
            and isinstance(request["id"], int)
            and isinstance(request["method"], str)
            and isinstance(request["params"], list)
        )
        if not well_formed:
            raise ValueError("not a JSON-RPC 2.0 request")
    if len({request["id"] for request in requests}) < len(requests):
        raise ValueError("an id is used twice: not a JSON-RPC 2.0 batch")
    return [Question(each["id"], each["method"], each["params"]) for each in requests], not isinstance(document, list)


class _Handler(BaseHTTPRequestHandler):
    server: RpcServer

    def do_POST(self) -> None:
        try:
            answer = self.server.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self._say(200, json.dumps(answer).encode())
        except HungUp as end:
            self._hang_up(end)
        except Refusal as refusal:
            self._say(refusal.status, refusal.body, refusal.headers)
        except httpx.HTTPError as error:
            self._say(502, json.dumps([{"error": type(error).__name__}]).encode())
        except (ValueError, KeyError, TypeError) as error:
            self._say(400, json.dumps([{"error": str(error)}]).encode())

    def _say(self, status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        with suppress(OSError):  # who asked may have gone
            self.send_response(status)
            for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _hang_up(self, end: HungUp) -> None:
        """Break off: at once, or in the middle of an answer that announced more."""
        with suppress(OSError):
            if end.part:
                self.send_response(200)
                self.send_header("Content-Length", str(2 * len(end.part)))
                self.end_headers()
                self.wfile.write(end.part)
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""
