"""The curve of Ethereum's keys (SEC 2, 2.4.1): signatures over digests, and whose they are. No key is kept here."""

from dataclasses import dataclass

from coincurve import PublicKey

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
# A signature has a twin with the order minus s; Ethereum takes the lower of the two alone (EIP-2).
HIGHEST_S = ORDER // 2
DIGEST_BYTES, COMPACT_BYTES, POINT_BYTES = 32, 64, 65
UNCOMPRESSED = 4  # SEC 1, 2.3.3


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as Ethereum takes it: `s` in the lower half; `parity` is that of the nonce point's y, 0 or 1.

    Raises ValueError for numbers outside of these ranges.
    """

    r: int
    s: int
    parity: int

    def __post_init__(self) -> None:
        if not 0 < self.r < ORDER or not 0 < self.s <= HIGHEST_S or self.parity not in (0, 1):
            raise ValueError("no signature of EIP-2: a number is out of range")

    @classmethod
    def of_recoverable(cls, signature: bytes) -> "Signature":
        """From libsecp256k1's 65 bytes: r, s, parity. Raises ValueError."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return cls(r, s, int.from_bytes(signature[64:], "big"))

    @property
    def compact(self) -> bytes:
        """64 bytes: r and s, big-endian."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big")


def is_point(encoded: bytes) -> bool:
    """Whether these 65 bytes are a public key: an uncompressed point of the curve."""
    if len(encoded) != POINT_BYTES or encoded[0] != UNCOMPRESSED:
        return False
    try:
        PublicKey(encoded)
    except ValueError:
        return False
    return True


def public_key_of(signature: Signature, digest: bytes) -> bytes:
    """The one key whose signature this is (SEC 1, 4.1.6): 65 bytes. Raises ValueError where there is none."""
    recoverable = signature.compact + bytes([signature.parity])
    point: bytes = PublicKey.from_signature_and_message(recoverable, digest, hasher=None).format(compressed=False)
    return point


def signature_by(public_key: bytes, digest: bytes, *, r: int, s: int) -> Signature:
    """The signature with the lower s and the parity that makes it this key's: 65 bytes, over a digest of 32.

    Raises ValueError where r and s are no signature of this digest by this key.
    """
    low = min(s, ORDER - s)
    for parity in (0, 1):
        signature = Signature(r, low, parity)
        if _is_of(public_key, signature, digest):
            return signature
    raise ValueError("not this key's signature of this digest")


def _is_of(public_key: bytes, signature: Signature, digest: bytes) -> bool:
    try:
        return public_key_of(signature, digest) == public_key
    except ValueError:  # r is no point's x, or what it recovers is none
        return False
