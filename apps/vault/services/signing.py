"""Keys that sign and never leave the key service."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.core.secp256k1 import Signature
from apps.vault.errors import SigningKeyUnavailable
from apps.vault.kms.choosing import kms_ecdsa_key, kms_signing_key
from apps.vault.kms.protocol import ProviderError

if TYPE_CHECKING:
    from apps.vault.kms.aws import AwsEcdsaKey, AwsSigningKey


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


class EcdsaKey:
    """A secp256k1 key of KMS; `public_key` is its point: 65 bytes, uncompressed (SEC 1, 2.3.3)."""

    def __init__(self, find: "Callable[[], AwsEcdsaKey]") -> None:
        """Asks for the public half. `find` is asked anew for each call: a forked child has a client of its own.

        Raises SigningKeyUnavailable.
        """
        self._find = find
        try:
            self.public_key = find().public_key()
        except ProviderError as error:
            refusal = SigningKeyUnavailable(error.reason)
        else:
            return
        raise refusal

    def sign(self, digest: bytes) -> Signature:
        """The signature of these 32 bytes, which recovers to `public_key`: anything else is refused.

        Raises SigningKeyUnavailable, and RuntimeError in a unit of work: it is a call.
        """
        try:
            return self._find().sign(digest, public_key=self.public_key)
        except ProviderError as error:
            refusal = SigningKeyUnavailable(error.reason)
        raise refusal


def ecdsa_key(name: str) -> EcdsaKey:
    """The key of this id or ARN. Raises SigningKeyUnavailable, also where this installation has no KMS."""
    return EcdsaKey(partial(kms_ecdsa_key, name))
