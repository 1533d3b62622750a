"""A key that never leaves AWS KMS: each signature is a call of some twenty milliseconds."""

from typing import NoReturn

from apps.chain.eip1559 import address_of
from apps.chain.errors import SignerUnavailable
from apps.chain.types import SignerRole
from apps.core.secp256k1 import Signature
from apps.vault.errors import SigningKeyUnavailable
from apps.vault.services.signing import EcdsaKey, ecdsa_key


class KmsSigner:
    """Signs at KMS. Two signatures of one digest differ: KMS draws the nonce. Its text form is its address."""

    __slots__ = ("_key", "_role", "address")

    at_once = 8

    def __init__(self, role: SignerRole, key: EcdsaKey) -> None:
        self._role, self._key = role, key
        self.address: str = address_of(key.public_key)

    def __repr__(self) -> str:
        return f"KmsSigner({self.address})"

    def __reduce__(self) -> NoReturn:
        """A key is not pickled, nor is the way to it."""
        raise TypeError("a key is not pickled")

    def sign(self, digest: bytes) -> Signature:
        """Sign 32 bytes. Raises SignerUnavailable, and RuntimeError in a unit of work."""
        try:
            return self._key.sign(digest)
        except SigningKeyUnavailable as error:
            refusal = unavailable(self._role, error)
        raise refusal


def kms_signer(role: SignerRole, name: str) -> KmsSigner:
    """The key of this id or ARN, whose public half is asked for. Raises SignerUnavailable."""
    try:
        return KmsSigner(role, ecdsa_key(name))
    except SigningKeyUnavailable as error:
        refusal = unavailable(role, error)
    raise refusal


def unavailable(role: SignerRole, error: SigningKeyUnavailable) -> SignerUnavailable:
    """In words of the chain. `reason` is the code that KMS's refusal has with us; a wrong signature is one, too."""
    return SignerUnavailable("The signer's key cannot be had in KMS.", signer=role.value, reason=error.reason)
