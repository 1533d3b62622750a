"""AWS KMS on loopback: its JSON 1.1 protocol, signatures checked, keys that wrap or sign, and every way to fail."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.core.testing.aws import (
    ACCESS_KEY,
    ACCOUNT,
    REGION,
    SECRET_KEY,
    AwsHandler,
    FakeAws,
    Fault,
    hangs_up,
    late,
    serving,
)
from apps.vault.tests.fake_ecdsa import EcdsaKey, text

__all__ = ["ACCESS_KEY", "REGION", "SECRET_KEY", "FakeKms", "Fault", "Handler", "hangs_up", "late", "text"]

JSON = "application/x-amz-json-1.1"
OPERATIONS = {
    "GenerateDataKey": ({"KeyId", "KeySpec"}, {"EncryptionContext"}),
    "Decrypt": ({"CiphertextBlob"}, {"KeyId", "EncryptionContext", "EncryptionAlgorithm"}),
    "ReEncrypt": (
        {"CiphertextBlob", "DestinationKeyId"},
        {"SourceKeyId", "SourceEncryptionContext", "DestinationEncryptionContext"},
    ),
    "GetPublicKey": ({"KeyId"}, set()),
    "Sign": ({"KeyId", "Message", "MessageType", "SigningAlgorithm"}, set()),
}


class Handler(AwsHandler):
    server: "FakeKms"
    service = "kms"
    signed_headers = frozenset({"host", "x-amz-date", "x-amz-target"})

    def named(self) -> str:
        return self.headers.get("X-Amz-Target", "").removeprefix("TrentService.")

    def answer(self, body: bytes) -> None:
        if self.headers.get("Content-Type") != JSON or self.path != "/" or self.command != "POST":
            raise Fault("UnknownOperationException", 404)
        self.say(200, self.server.answer(self.named(), json.loads(body)))

    def refuse(self, fault: Fault) -> None:
        self.say(fault.status, {"__type": fault.code, "message": "refused by the fake"})

    def say(self, status: int, body: dict[str, Any] | bytes) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.reply(status, content, {"Content-Type": JSON})


class FakeKms(FakeAws):
    """`behave` takes the place of an honest answer; `bend` changes one before it is sent."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.keys = {self._arn(): AESGCM(secrets.token_bytes(32))}
        self.key = next(iter(self.keys))
        self.signing_keys: dict[str, Ed25519PrivateKey] = {}
        self.ecdsa_keys: dict[str, EcdsaKey] = {}
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

    def add_signing_key(self) -> str:
        """A key that signs; its ARN."""
        self.signing_keys[name := self._arn()] = Ed25519PrivateKey.generate()
        return name

    def add_ecdsa_key(self, secret: bytes = b"") -> str:
        """A secp256k1 key, imported where a secret is given; its ARN."""
        self.ecdsa_keys[name := self._arn()] = EcdsaKey(secret)
        return name

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
        return {"KeyId": name, "Plaintext": text(plain), "CiphertextBlob": wrapped}

    def _Decrypt(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name, plain = self._open(given["CiphertextBlob"], given.get("EncryptionContext", {}))
        if given.get("KeyId", name) != name:
            raise Fault("IncorrectKeyException")
        return {"KeyId": name, "Plaintext": text(plain), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def _ReEncrypt(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        source, plain = self._open(given["CiphertextBlob"], given.get("SourceEncryptionContext", {}))
        if given.get("SourceKeyId", source) != source:
            raise Fault("IncorrectKeyException")
        name = self._known(given["DestinationKeyId"])
        wrapped = self._wrap(name, plain, given.get("DestinationEncryptionContext", {}))
        return {"SourceKeyId": source, "KeyId": name, "CiphertextBlob": wrapped}

    def _GetPublicKey(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if key := self.ecdsa_keys.get(given["KeyId"]):
            return {"KeyId": given["KeyId"], **key.public()}
        public = self._signing(given["KeyId"]).public_key()
        encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        kind = {"KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"}
        return {"KeyId": given["KeyId"], "PublicKey": text(encoded), **kind}

    def _Sign(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if key := self.ecdsa_keys.get(given["KeyId"]):
            return {"KeyId": given["KeyId"], **key.sign(given)}
        if (given["MessageType"], given["SigningAlgorithm"]) != ("RAW", "ED25519_SHA_512"):
            raise Fault("ValidationException")
        signature = self._signing(given["KeyId"]).sign(base64.b64decode(given["Message"]))
        return {"KeyId": given["KeyId"], "Signature": text(signature), "SigningAlgorithm": "ED25519_SHA_512"}

    def _signing(self, name: str) -> Ed25519PrivateKey:
        if name not in self.signing_keys:
            raise Fault("NotFoundException")
        return self.signing_keys[name]

    def _known(self, name: str) -> str:
        if name not in self.keys:
            raise Fault("NotFoundException")
        return name

    def _wrap(self, name: str, plain: bytes, context: dict[str, str]) -> str:
        nonce = secrets.token_bytes(12)
        sealed = nonce + self.keys[name].encrypt(nonce, plain, _bound(context))
        return text(name.encode() + b"\0" + sealed)

    def _open(self, blob: str, context: dict[str, str]) -> tuple[str, bytes]:
        name, _, sealed = base64.b64decode(blob).partition(b"\0")
        try:
            return name.decode(), self.keys[name.decode()].decrypt(sealed[:12], sealed[12:], _bound(context))
        except (KeyError, InvalidTag, ValueError):
            raise Fault("InvalidCiphertextException") from None


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


@contextmanager
def fake_kms() -> Iterator[FakeKms]:
    with serving(FakeKms()) as kms:
        yield kms


def says(code: str, status: int = 400) -> Callable[[Handler], None]:
    return lambda handler: handler.say(status, {"__type": code, "message": "said by the fake"})


def answers(status: int, body: bytes) -> Callable[[Handler], None]:
    return lambda handler: handler.say(status, body)


def replaced(operation: str, part: str, value: Any) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Bend the answers of one operation."""
    return lambda asked, answer: answer | {part: value} if asked == operation else answer
