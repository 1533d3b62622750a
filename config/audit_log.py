"""What the audit trail is called in its signed heads, and the key that signs them."""

import binascii
from base64 import b64decode
from dataclasses import dataclass, field

from config.security.types.records import Signing
from config.variables import Variables

# Published: it proves nothing, and serves a checkout that has no key of its own.
DEVELOPMENT_SEED = b"development-only-audit-seed-32-b"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class AuditLogIdentity:
    """`origin` names the log; `seed` is the Ed25519 private key of RFC 8032, unless a key of KMS is named."""

    origin: str
    seed: bytes = field(repr=False)
    kms_key: str = ""


def read(env: Variables, policy: Signing, *, domain: str) -> AuditLogIdentity:
    """From policy and environment. Production has no key of its own making: see config.security.loading."""
    kms_key = policy.kms_key.reveal() if policy.kms_key.is_set else ""
    seed = DEVELOPMENT_SEED
    if kms_key and policy.key.is_set:
        env.wrong(policy.key.variable, f"unset where {policy.kms_key.variable} is set: one key signs")
    if policy.key.is_set:
        found = _decoded(policy.key.reveal())
        if len(found) != SEED_BYTES or (env.production and found == DEVELOPMENT_SEED):
            env.wrong(policy.key.variable, "32 random bytes in base64: openssl rand -base64 32")
        else:
            seed = found
    return AuditLogIdentity(f"{domain}/audit", seed, kms_key)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
