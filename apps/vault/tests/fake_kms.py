"""AWS KMS on loopback: its JSON 1.1 protocol, signatures checked, one symmetric key, and every way to fail."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

REGION, ACCOUNT = "eu-central-1", "111122223333"
ACCESS_KEY, SECRET_KEY = "AKIAFAKEFAKEFAKEFAKE", "f4keS3cretOfLoopbackOnlyAAAAAAAAAAAAAAAA"
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[\w-]+)/kms/aws4_request, "
    r"SignedHeaders=(?P<headers>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
OPERATIONS = {
    "GenerateDataKey": ({"KeyId", "KeySpec"}, {"EncryptionContext"}),
    "Decrypt": ({"CiphertextBlob"}, {"KeyId", "EncryptionContext", "EncryptionAlgorithm"}),
    "ReEncrypt": (
        {"CiphertextBlob", "DestinationKeyId"},
        {"SourceKeyId", "SourceEncryptionContext", "DestinationEncryptionContext"},
    ),
}


class Fault(Exception):
    """An answer of KMS that is an error."""

    def __init__(self, code: str, status: int = 400) -> None:
        self.code, self.status = code, status
        super().__init__(code)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeKms"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").removeprefix("TrentService.")
        self.server.seen.append(operation)
        try:
            if self.server.behave is not None:
                self.server.behave(self)
                return
            self.reply(200, self.server.answer(operation, self._checked(body)))
        except Fault as fault:
            self.reply(fault.status, {"__type": fault.code, "message": "refused by the fake"})
        except OSError:
            self.close_connection = True

    def _checked(self, body: bytes) -> dict[str, Any]:
        if self.headers.get("Content-Type") != "application/x-amz-json-1.1" or self.path != "/":
            raise Fault("UnknownOperationException", 404)
        if not hmac.compare_digest(self._signature(body), self._claimed()["signature"]):
            raise Fault("InvalidSignatureException")
        found = json.loads(body)
        assert isinstance(found, dict)
        return found

    def _claimed(self) -> dict[str, str]:
        match = SIGNED.fullmatch(self.headers.get("Authorization", ""))
        if match is None:
            raise Fault("IncompleteSignature")
        if match["key"] != ACCESS_KEY or match["region"] != REGION:
            raise Fault("UnrecognizedClientException")
        if not {"host", "x-amz-date", "x-amz-target"} <= {*match["headers"].split(";")}:
            raise Fault("IncompleteSignature")
        return match.groupdict()

    def _signature(self, body: bytes) -> str:
        """SigV4, worked out from AWS's description of it."""
        claimed = self._claimed()
        headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in claimed["headers"].split(";"))
        request = f"POST\n/\n\n{headers}\n{claimed['headers']}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{claimed['day']}/{REGION}/kms/aws4_request"
        hashed = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{SECRET_KEY}".encode()
        for part in (claimed["day"], REGION, "kms", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['X-Amz-Date']}\n{scope}\n{hashed}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def reply(self, status: int, body: dict[str, Any] | bytes) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


class FakeKms(ThreadingHTTPServer):
    """`behave` takes the place of an honest answer; `bend` changes one before it is sent."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys = {self._arn(): AESGCM(secrets.token_bytes(32))}
        self.key = next(iter(self.keys))
        self.seen: list[str] = []
        self.behave: Callable[[Handler], None] | None
        self.bend: Callable[[str, dict[str, Any]], dict[str, Any]]
        self.be_honest()

    def be_honest(self) -> None:
        """From now on."""
        self.behave, self.bend = None, lambda _operation, answer: answer

    def _arn(self) -> str:
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid4()}"

    def add_key(self) -> str:
        """Another key; its ARN."""
        self.keys[name := self._arn()] = AESGCM(secrets.token_bytes(32))
        return name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *args: Any) -> None:
        pass

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """An honest answer, bent if the test wants it so. Raises Fault."""
        required, optional = OPERATIONS.get(operation, (None, None)) or (set(), set())
        if operation not in OPERATIONS or not required <= {*given} <= required | optional:
            raise Fault("ValidationException")
        return self.bend(operation, getattr(self, f"_{operation}")(given))

    def _GenerateDataKey(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (the operation's name)
        if given["KeySpec"] != "AES_256":
            raise Fault("ValidationException")
        name, plain = self._known(given["KeyId"]), secrets.token_bytes(32)
        wrapped = self._wrap(name, plain, given.get("EncryptionContext", {}))
        return {"KeyId": name, "Plaintext": _text(plain), "CiphertextBlob": wrapped}

    def _Decrypt(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name, plain = self._open(given["CiphertextBlob"], given.get("EncryptionContext", {}))
        if given.get("KeyId", name) != name:
            raise Fault("IncorrectKeyException")
        return {"KeyId": name, "Plaintext": _text(plain), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def _ReEncrypt(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        source, plain = self._open(given["CiphertextBlob"], given.get("SourceEncryptionContext", {}))
        if given.get("SourceKeyId", source) != source:
            raise Fault("IncorrectKeyException")
        name = self._known(given["DestinationKeyId"])
        wrapped = self._wrap(name, plain, given.get("DestinationEncryptionContext", {}))
        return {"SourceKeyId": source, "KeyId": name, "CiphertextBlob": wrapped}

    def _known(self, name: str) -> str:
        if name not in self.keys:
            raise Fault("NotFoundException")
        return name

    def _wrap(self, name: str, plain: bytes, context: dict[str, str]) -> str:
        nonce = secrets.token_bytes(12)
        sealed = nonce + self.keys[name].encrypt(nonce, plain, _bound(context))
        return _text(name.encode() + b"\0" + sealed)

    def _open(self, blob: str, context: dict[str, str]) -> tuple[str, bytes]:
        name, _, sealed = base64.b64decode(blob).partition(b"\0")
        try:
            return name.decode(), self.keys[name.decode()].decrypt(sealed[:12], sealed[12:], _bound(context))
        except (KeyError, InvalidTag, ValueError):
            raise Fault("InvalidCiphertextException") from None


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _text(plain: bytes) -> str:
    return base64.b64encode(plain).decode()


@contextmanager
def fake_kms() -> Iterator[FakeKms]:
    kms = FakeKms()
    threading.Thread(target=kms.serve_forever, daemon=True).start()
    try:
        yield kms
    finally:
        kms.shutdown()
        kms.server_close()


def says(code: str, status: int = 400) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(status, {"__type": code, "message": "said by the fake"})


def answers(status: int, body: bytes) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(status, body)


def late(seconds: float) -> Callable[[Handler], None]:
    def behave(handler: Handler) -> None:
        time.sleep(seconds)
        handler.reply(200, {})

    return behave


def hangs_up(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def replaced(operation: str, part: str, value: Any) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Bend the answers of one operation."""
    return lambda asked, answer: answer | {part: value} if asked == operation else answer
