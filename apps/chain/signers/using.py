"""What keys sign: transactions, one or many at once, and messages."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from apps.chain.eip1559 import SignedBytes, Transaction, digest_of, keccak256, signed_bytes
from apps.chain.errors import SignerUnavailable
from apps.chain.signers.protocol import TransactionSigner
from apps.core.db import in_unit_of_work
from apps.core.secp256k1 import Signature

PERSONAL = b"\x19Ethereum Signed Message:\n32"
LOWEST_V = 27


def sign_transaction(signer: TransactionSigner, transaction: Transaction) -> SignedBytes:
    """The bytes to send. Raises SignerUnavailable."""
    return signed_bytes(transaction, signer.sign(digest_of(transaction)))


def sign_transactions(
    signer: TransactionSigner, transactions: Sequence[Transaction]
) -> list[SignedBytes | SignerUnavailable]:
    """For each its bytes, or why there are none: one that fails costs the others nothing.

    A key that is elsewhere is asked in up to `at_once` threads. Raises RuntimeError in a unit of work, then.
    """
    signatures = _sign_all(signer, [digest_of(transaction) for transaction in transactions])
    return [
        signature if isinstance(signature, SignerUnavailable) else signed_bytes(transaction, signature)
        for transaction, signature in zip(transactions, signatures, strict=True)
    ]


def sign_message(signer: TransactionSigner, message: bytes) -> bytes:
    """Sign 32 bytes as a message (EIP-191, version 0x45), the way ClaimIssuer recovers it: r, s and 27 or 28.

    65 bytes. Raises SignerUnavailable, and ValueError for a message of another length.
    """
    return _written(signer.sign(_personal(message)))


def sign_messages(signer: TransactionSigner, messages: Sequence[bytes]) -> list[bytes | SignerUnavailable]:
    """As sign_message(), many at once: one that fails costs the others nothing.

    A key that is elsewhere is asked in up to `at_once` threads. Raises RuntimeError in a unit of work, then.
    """
    signatures = _sign_all(signer, [_personal(message) for message in messages])
    return [each if isinstance(each, SignerUnavailable) else _written(each) for each in signatures]


def _personal(message: bytes) -> bytes:
    if len(message) != 32:
        raise ValueError("the message has 32 bytes")
    return keccak256(PERSONAL + message)


def _written(signature: Signature) -> bytes:
    return signature.compact + bytes([LOWEST_V + signature.parity])


def _sign_all(signer: TransactionSigner, digests: Sequence[bytes]) -> list[Signature | SignerUnavailable]:
    threads = min(signer.at_once, len(digests))
    if threads <= 1:
        return [_sign_one(signer, digest) for digest in digests]
    # Threads have connections of their own: the guard of the transport would not see our unit of work.
    if in_unit_of_work():
        raise RuntimeError("a key elsewhere never signs in a unit of work: its locks would wait for the network")

    def stripe(first: int) -> list[Signature | SignerUnavailable]:
        try:
            return [_sign_one(signer, digest) for digest in digests[first::threads]]
        finally:
            connections.close_all()  # this thread's: calls go through a circuit that is kept there

    signed: list[Any] = [None] * len(digests)
    with ThreadPoolExecutor(threads, thread_name_prefix="sign") as pool:
        for first, stripe_of in enumerate(pool.map(stripe, range(threads))):
            signed[first::threads] = stripe_of
    return signed


def _sign_one(signer: TransactionSigner, digest: bytes) -> Signature | SignerUnavailable:
    try:
        return signer.sign(digest)
    except SignerUnavailable as error:
        return error
