"""How a purpose key wraps a subject's key, and how a purpose key is recognised. No Django, no database.

AES-256-GCM with a random nonce of 96 bits (NIST SP 800-38D allows 2^32 of them a key), bound to everything the row says
of the key, so that a wrapped key copied to another row does not open.
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault.types import Purpose

KEY, NONCE = 32, 12
WRAPPED = NONCE + KEY + 16


@dataclass(frozen=True, slots=True)
class Binding:
    """What a wrapped subject key belongs to."""

    kek_id: int
    dek_id: UUID
    purpose: Purpose
    subject: UUID

    def encoded(self) -> bytes:
        """Every part has a fixed length but the purpose, which stands last."""
        fixed = self.kek_id.to_bytes(4, "big") + self.dek_id.bytes + self.subject.bytes
        return b"bookentry subject key 1" + fixed + self.purpose.encode()


class NotThisKey(Exception):
    """The wrapped bytes were changed, or belong to another row or purpose key."""


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY)


def wrap(kek: AESGCM, key: bytes, binding: Binding) -> bytes:
    """nonce (12) | key (32) and tag (16), encrypted."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + kek.encrypt(nonce, key, binding.encoded())


def unwrap(kek: AESGCM, wrapped: bytes, binding: Binding) -> bytes:
    """The key. Raises NotThisKey."""
    if len(wrapped) != WRAPPED:
        raise NotThisKey
    try:
        return kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], binding.encoded())
    except InvalidTag:
        raise NotThisKey from None


def check_value(key: bytes, purpose: Purpose) -> bytes:
    """What tells this purpose key from any other, without telling anything of it (HMAC-SHA256, 32 bytes)."""
    return hmac.new(key, b"bookentry purpose key 1" + purpose.encode(), sha256).digest()
