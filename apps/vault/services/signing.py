"""Keys that sign and never leave the key service."""

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.vault.errors import SigningKeyUnavailable
from apps.vault.kms.choosing import kms_signing_key
from apps.vault.kms.protocol import ProviderError

if TYPE_CHECKING:
    from apps.vault.kms.aws import AwsSigningKey


class SigningKey:
    """An Ed25519 key of KMS; `public_key` is its 32 public bytes."""

    def __init__(self, key: "AwsSigningKey") -> None:
        """Asks for the public half. Raises SigningKeyUnavailable."""
        self._key = key
        try:
            self.public_key = key.public_key()
        except ProviderError as refusal:
            raise SigningKeyUnavailable(refusal.reason) from None

    def sign(self, message: bytes) -> bytes:
        """The signature: 64 bytes, verified before anyone relies on it. Raises SigningKeyUnavailable."""
        try:
            signature = self._key.sign(message)
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            raise SigningKeyUnavailable("wrong_signature") from None
        except ProviderError as refusal:
            raise SigningKeyUnavailable(refusal.reason) from None
        return signature


def signing_key(name: str) -> SigningKey:
    """The key of this id or ARN. Raises SigningKeyUnavailable, also where this installation has no KMS."""
    try:
        key = kms_signing_key(name)
    except ProviderError as refusal:
        raise SigningKeyUnavailable(refusal.reason) from None
    return SigningKey(key)
