"""Sealed at rest: what must be kept for a while and read by nobody but us.

Keys come from DJANGO_SECRET_KEY by HKDF (RFC 5869), a purpose and a salt each, so that no two seals share one. What was
sealed under a secret of DJANGO_SECRET_KEY_FALLBACKS is still read: a rotation loses nothing. Apps above the vault use
the vault.
"""

import hmac
import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = b"\x01"
SALT, NONCE = 16, 12


class Unreadable(Exception):
    """Sealed under a secret that is gone, bound to something else, or changed since."""


def seal(plain: bytes, *, purpose: str, bound_to: bytes) -> bytes:
    """AES-256-GCM: version (1) | salt (16) | nonce (12) | ciphertext and tag. Opens only with the same `bound_to`."""
    salt, nonce = secrets.token_bytes(SALT), secrets.token_bytes(NONCE)
    key = _key(settings.SECRET_KEY, purpose, salt)
    return VERSION + salt + nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def unseal(sealed: bytes, *, purpose: str, bound_to: bytes) -> bytes:
    """What was sealed, under the present secret or a former one. Raises Unreadable."""
    salt, nonce, rest = sealed[1 : 1 + SALT], sealed[1 + SALT : 1 + SALT + NONCE], sealed[1 + SALT + NONCE :]
    if sealed[:1] == VERSION and len(nonce) == NONCE:
        for secret in _secrets():
            try:
                return AESGCM(_key(secret, purpose, salt)).decrypt(nonce, rest, bound_to)
            except InvalidTag:
                continue
    raise Unreadable


def fingerprint(content: bytes, *, purpose: str) -> str:
    """64 hex digits that name the content. Keyed: without the secret nobody can try guesses against it."""
    return _fingerprint(settings.SECRET_KEY, content, purpose)


def is_fingerprint_of(content: bytes, found: str, *, purpose: str) -> bool:
    """Whether `found` names this content, under the present secret or a former one."""
    return any(hmac.compare_digest(_fingerprint(secret, content, purpose), found) for secret in _secrets())


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]


def _fingerprint(secret: str, content: bytes, purpose: str) -> str:
    return hmac.new(_key(secret, f"{purpose} fingerprint"), content, sha256).hexdigest()


def _key(secret: str, purpose: str, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=f"bookentry {purpose}".encode()).derive(secret.encode())
