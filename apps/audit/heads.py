"""Signed heads: the size and root of the tree at an instant, under an Ed25519 key (RFC 8032)."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from apps.vault.services.signing import SigningKey, signing_key

PREFIX = b"bookentry-audit-head-v1\n"
PUBLIC_KEY_BYTES, SIGNATURE_BYTES = 32, 64
KEY_ID_LENGTH = 16


class WrongSignature(ValueError):
    """The head was not signed by this key, or is not what was signed."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first `size` leaves of the log `log` have this root; `at` is when it was signed."""

    log: str
    size: int
    root: bytes
    at: datetime

    def text(self) -> bytes:
        """What is signed: the prefix, then the canonical JSON (RFC 8785) of its four facts."""
        return PREFIX + _canonical(self._facts())

    def line(self, key: str, signature: bytes) -> bytes:
        """The head as one line of canonical JSON: of a bundle's heads.jsonl, and what is anchored. `key` is its id."""
        signed = {"key_id": key, "signature": b64encode(signature).decode()}
        return _canonical(self._facts() | signed) + b"\n"

    def _facts(self) -> dict[str, Any]:
        time = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"log": self.log, "root": self.root.hex(), "size": self.size, "time": time}


def _canonical(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_line(line: bytes) -> tuple[Head, str, bytes]:
    """The head, the id of its key and its signature, of what `Head.line` wrote. Raises ValueError for all else."""
    try:
        found = json.loads(line)
        head = Head(found["log"], found["size"], bytes.fromhex(found["root"]), datetime.fromisoformat(found["time"]))
        key, signature = found["key_id"], b64decode(found["signature"], validate=True)
        same = head.line(key, signature) == line
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        same = False
    if not same:
        raise ValueError("this is no line of a signed head")
    return head, key, signature


def key_id(public_key: bytes) -> str:
    """How a public key is named: 16 hexadecimal digits."""
    return sha256(public_key).digest()[:8].hex()


class SignsHeads(Protocol):
    """A key that signs heads: its 32 public bytes, and their name."""

    public_key: bytes
    key_id: str

    def sign(self, head: Head) -> bytes:
        """The signature: 64 bytes. Raises SigningKeyUnavailable."""

    def sign_text(self, text: bytes) -> bytes:
        """The signature of another text, which has a prefix of its own: 64 bytes. Raises SigningKeyUnavailable."""


class HeadSigner:
    """A private key of ours."""

    def __init__(self, seed: bytes) -> None:
        """`seed` has 32 bytes. Raises ValueError for any other number."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public_key)

    def sign(self, head: Head) -> bytes:
        """The signature: 64 bytes."""
        return self.sign_text(head.text())

    def sign_text(self, text: bytes) -> bytes:
        """The signature: 64 bytes."""
        return self._key.sign(text)


class KmsHeadSigner:
    """A key that stays in KMS."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.public_key: bytes = key.public_key
        self.key_id = key_id(self.public_key)

    def sign(self, head: Head) -> bytes:
        """The signature: 64 bytes. Raises SigningKeyUnavailable."""
        return self.sign_text(head.text())

    def sign_text(self, text: bytes) -> bytes:
        """The signature: 64 bytes. Raises SigningKeyUnavailable."""
        return self._key.sign(text)


def head_signer() -> SignsHeads:
    """The key this installation signs with: of KMS where one is named. Raises SigningKeyUnavailable."""
    identity = settings.AUDIT_LOG
    return KmsHeadSigner(signing_key(identity.kms_key)) if identity.kms_key else HeadSigner(identity.seed)


def verify_head(head: Head, signature: bytes, public_key: bytes) -> None:
    """Raise WrongSignature unless `signature` is that of this head by this key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, head.text())
    except (InvalidSignature, ValueError):
        raise WrongSignature("the head was not signed by this key") from None
