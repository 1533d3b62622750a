"""Outside parties that call us: they sign as the provider does, and speak HTTP to a real server."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
from django.core.wsgi import get_wsgi_application
from django.db import connections

from apps.core.testing.waiting import LOOK_SECONDS

Json = dict[str, Any]


@dataclass(frozen=True)
class StandardSender:
    """Signs as https://www.standardwebhooks.com says; with several secrets it signs with each, as while they change."""

    url: str
    secrets: tuple[str, ...]

    def headers(self, event_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """The three headers, and the content type."""
        seconds = str(int(at.timestamp()))
        message = f"{event_id}.{seconds}.".encode() + body
        keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in self.secrets]
        signatures = [base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode() for key in keys]
        return {
            "webhook-id": event_id,
            "webhook-timestamp": seconds,
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
            "content-type": "application/json",
        }

    def send(self, event_id: str, payload: Json, at: datetime, **changed: str) -> httpx.Response:
        """POST an event; `changed` replaces headers (webhook_id=...)."""
        body = json.dumps(payload).encode()
        headers = self.headers(event_id, body, at) | {name.replace("_", "-"): value for name, value in changed.items()}
        return httpx.post(self.url, content=body, headers=headers, trust_env=False, timeout=30)


@dataclass(frozen=True)
class OnfidoSender:
    """Signs as Onfido does: X-SHA2-Signature is the hex HMAC-SHA256 of the raw body by the webhook's token."""

    url: str
    token: str

    def send(self, event: Json) -> httpx.Response:
        """POST an event of a check, say."""
        body = json.dumps({"payload": event}, separators=(",", ":")).encode()
        signature = hmac.new(self.token.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-SHA2-Signature": signature, "Content-Type": "application/json"}
        return httpx.post(self.url, content=body, headers=headers, trust_env=False, timeout=30)


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The API on a loopback port, in this process and on its database; its address."""
    application = get_wsgi_application()

    def answer(environ: Any, start_response: Any) -> Any:
        try:
            return list(application(environ, start_response))
        finally:
            connections.close_all()

    server = make_server("127.0.0.1", 0, answer, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
