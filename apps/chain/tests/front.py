"""A node's front of our own, on loopback: it checks requests strictly, forwards them, and lies where told to.

It stands for the load balancers and lagging nodes of the world outside.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answer = dict[str, Any]
Lie = Callable[[str, list[Any], Answer], Answer | None]


class Front:
    """Forwards to a real node. `lie(method, params, answer)` returns another answer, or None for the true one."""

    def __init__(self, upstream: str) -> None:
        self.lie: Lie = lambda *_: None
        self.asked: list[tuple[str, list[Any]]] = []
        self._client = httpx.Client(trust_env=False, timeout=30)
        self._upstream = upstream
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, body: bytes) -> list[Answer]:
        requests = json.loads(body)
        if not isinstance(requests, list) or not requests:
            raise ValueError("a non-empty batch is expected")
        for request in requests:
            well_formed = (
                set(request) == {"jsonrpc", "id", "method", "params"}
                and request["jsonrpc"] == "2.0"
                and isinstance(request["id"], int)
                and isinstance(request["params"], list)
            )
            if not well_formed:
                raise ValueError("not a JSON-RPC 2.0 request")
        truths = {each["id"]: each for each in self._client.post(self._upstream, json=requests).json()}
        return [self._told(request, truths[request["id"]]) for request in requests]

    def _told(self, request: dict[str, Any], truth: Answer) -> Answer:
        self.asked.append((request["method"], request["params"]))
        told = self.lie(request["method"], request["params"], truth)
        return truth if told is None else {"jsonrpc": "2.0", "id": request["id"], **told}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                try:
                    status, answer = 200, front.answer(self.rfile.read(int(self.headers["Content-Length"])))
                except (ValueError, KeyError, TypeError) as error:
                    status, answer = 400, [{"error": str(error)}]
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


@contextmanager
def front_of(upstream: str) -> Iterator[Front]:
    """A front of `upstream`, ended with the block."""
    front = Front(upstream)
    try:
        yield front
    finally:
        front.close()
