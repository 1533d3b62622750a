"""What the rooms of the chain need of a key, wherever it lives."""

from typing import Protocol

from apps.core.secp256k1 import Signature


class TransactionSigner(Protocol):
    """A secp256k1 key. Nothing of it but address and signatures comes out of its object: no text, no pickle."""

    @property
    def address(self) -> str:
        """The key's address in lower case."""

    @property
    def at_once(self) -> int:
        """How many signatures it makes at the same time: 1 where the key is here, more where each is a call.

        Of more than 1 none is made in a unit of work: its locks would wait for the network.
        """

    def sign(self, digest: bytes) -> Signature:
        """Sign 32 bytes, which are a hash already. Raises SignerUnavailable; nothing is signed by halves."""
