"""A key held in this process: from an encrypted file, or one of development."""

from typing import NoReturn

from coincurve import PrivateKey

from apps.chain.eip1559 import address_of
from apps.core.secp256k1 import DIGEST_BYTES, Signature


class LocalSigner:
    """Signs by libsecp256k1, the same for the same digest (RFC 6979). Its text form is its address."""

    __slots__ = ("_key", "address")

    at_once = 1

    def __init__(self, secret: bytes) -> None:
        """`secret` has 32 bytes. Raises ValueError, without quoting it, for what is no key of the curve."""
        self._key = PrivateKey(secret)
        self.address: str = address_of(self._key.public_key.format(compressed=False))

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def __reduce__(self) -> NoReturn:
        """Pickles and copies travel: a key does not."""
        raise TypeError("a key is not pickled")

    def sign(self, digest: bytes) -> Signature:
        """Sign 32 bytes. Raises ValueError for another number."""
        if len(digest) != DIGEST_BYTES:
            raise ValueError("a digest has 32 bytes")
        return Signature.of_recoverable(self._key.sign_recoverable(digest, hasher=None))
