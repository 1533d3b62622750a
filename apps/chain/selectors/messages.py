"""Who signed a message: wallets' personal_sign (EIP-191, version 0x45)."""

from apps.chain.eip1559 import address_of, keccak256
from apps.core.secp256k1 import COMPACT_BYTES, HIGHEST_S, ORDER, Signature, public_key_of

# How wallets write the parity of the nonce point's y.
PARITIES = {0: 0, 1: 1, 27: 0, 28: 1}


def signer_of_text(text: str, signature: bytes) -> str:
    """The address, in lower case, whose signature of `text` this is: r, s and the parity, or 27 more.

    Both halves of the curve's signatures are one to us. Raises ValueError where it is nobody's.
    """
    message = text.encode()
    digest = keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
    return address_of(public_key_of(_read(signature), digest))


def _read(signature: bytes) -> Signature:
    if len(signature) != COMPACT_BYTES + 1 or signature[COMPACT_BYTES] not in PARITIES:
        raise ValueError("a signature is r, s, and 0, 1, 27 or 28: 65 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:COMPACT_BYTES], "big")
    parity = PARITIES[signature[COMPACT_BYTES]]
    return Signature(r, ORDER - s, 1 - parity) if s > HIGHEST_S else Signature(r, s, parity)
