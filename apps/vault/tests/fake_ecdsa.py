"""secp256k1 keys of the fake KMS: honest ones, and every way in which such a key's answers can be wrong."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.core.testing.aws import Fault

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Bend = Callable[[str, dict[str, Any]], dict[str, Any]]


class EcdsaKey:
    """One key of KMS of spec ECC_SECG_P256K1. It signs a digest as it is, and only that: anything else is a Fault."""

    def __init__(self, secret: bytes = b"") -> None:
        made = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256K1()) if secret else None
        self.private = made or ec.generate_private_key(ec.SECP256K1())
        self.enabled = True

    @property
    def point(self) -> bytes:
        """Its public half: 65 bytes."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def public(self) -> dict[str, Any]:
        """As GetPublicKey answers."""
        self._require_enabled()
        encoded = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {
            "PublicKey": text(encoded),
            "KeySpec": "ECC_SECG_P256K1",
            "CustomerMasterKeySpec": "ECC_SECG_P256K1",
            "KeyUsage": "SIGN_VERIFY",
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        }

    def sign(self, given: dict[str, Any]) -> dict[str, Any]:
        """As Sign answers: s is the lower or the higher one, by chance."""
        self._require_enabled()
        digest = base64.b64decode(given["Message"], validate=True)
        if (given["MessageType"], given["SigningAlgorithm"], len(digest)) != ("DIGEST", "ECDSA_SHA_256", 32):
            raise Fault("ValidationException")
        return {"Signature": text(self.signature(digest)), "SigningAlgorithm": "ECDSA_SHA_256"}

    def signature(self, digest: bytes) -> bytes:
        """In DER."""
        r, s = decode_dss_signature(self.private.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
        return encode_dss_signature(r, s if secrets.randbits(1) else ORDER - s)

    def _require_enabled(self) -> None:
        if not self.enabled:
            raise Fault("DisabledException")


def signing(change: Callable[[int, int], bytes]) -> Bend:
    """Bend signatures: what `change` makes of r and s, in DER, is answered."""

    def bend(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
        if operation != "Sign":
            return answer
        r, s = decode_dss_signature(base64.b64decode(answer["Signature"]))
        return answer | {"Signature": text(change(r, s))}

    return bend


def high_s(r: int, s: int) -> bytes:
    """The twin that Ethereum refuses."""
    return encode_dss_signature(r, max(s, ORDER - s))


def low_s(r: int, s: int) -> bytes:
    """The twin that Ethereum takes."""
    return encode_dss_signature(r, min(s, ORDER - s))


def text(plain: bytes) -> str:
    """As JSON carries bytes."""
    return base64.b64encode(plain).decode()
