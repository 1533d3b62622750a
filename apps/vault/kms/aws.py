"""AWS KMS, within the policy of an outside service (apps.core.providers.aws)."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from apps.core.providers import CircuitOpen
from apps.core.providers.aws import aws_client
from apps.core.secp256k1 import DIGEST_BYTES, POINT_BYTES, Signature, is_point, signature_by
from apps.vault.kms.protocol import (
    KEY_BYTES,
    Context,
    Disagreement,
    NewKey,
    ProviderDown,
    ProviderError,
    ProviderRefused,
)

SPEC, ALGORITHM = "AES_256", "SYMMETRIC_DEFAULT"
ED25519 = "ECC_NIST_EDWARDS25519"
# What stands before the 32 bytes of an Ed25519 public key in DER: RFC 8410.
SPKI = bytes.fromhex("302a300506032b6570032100")
SECP256K1, ECDSA = "ECC_SECG_P256K1", "ECDSA_SHA_256"
# The same for the 65 bytes of a point of secp256k1: id-ecPublicKey and the curve's name (RFC 5480; SEC 2, A.2.1).
SPKI_OF_POINT = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
SHORTEST_WRAPPED, LONGEST_WRAPPED = 32, 6144
THROTTLED_SECONDS = 2

# What botocore raises over an answer that is none of KMS's.
UNREADABLE = (BotoCoreError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
BUSY = {"ThrottlingException", "Throttling", "TooManyRequestsException", "LimitExceededException"}
DOWN = {"KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "RequestTimeout"}
WRONG = {"InvalidCiphertextException", "IncorrectKeyException"}
REFUSED = {
    "AccessDeniedException",
    "DisabledException",
    "ExpiredTokenException",
    "InvalidKeyUsageException",
    "InvalidSignatureException",
    "KMSInvalidStateException",
    "NotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
}


class AwsKms:
    """One KMS key: symmetric, of the region. `key` is its id, ARN or alias; `endpoint` is empty for Amazon's own.

    Beside it, keys of the same service that sign: see signing_key() and ecdsa_key().
    """

    def __init__(self, http: httpx.Client, *, key: str, region: str, endpoint: str = "") -> None:
        self._key = key
        self._kms = aws_client("kms", http, region=region, endpoint=endpoint)

    def generate(self, context: Context) -> NewKey:
        """GenerateDataKey."""
        answer = self._call("generate_data_key", KeyId=self._key, KeySpec=SPEC, EncryptionContext=dict(context))
        plain, wrapped = _bytes(answer, "Plaintext"), _bytes(answer, "CiphertextBlob")
        if len(plain) != KEY_BYTES or not SHORTEST_WRAPPED <= len(wrapped) <= LONGEST_WRAPPED:
            raise Disagreement("unreadable_answer")
        return NewKey(plain, wrapped, _name(answer))

    def unwrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> bytes:
        """Decrypt, by the very key that wrapped it."""
        answer = self._call(
            "decrypt",
            CiphertextBlob=wrapped,
            KeyId=provider_key,
            EncryptionContext=dict(context),
            EncryptionAlgorithm=ALGORITHM,
        )
        if _name(answer) != provider_key:
            raise Disagreement("another_wrapping_key")
        plain = _bytes(answer, "Plaintext")
        if len(plain) != KEY_BYTES:
            raise Disagreement("unreadable_answer")
        return plain

    def rewrap(self, wrapped: bytes, *, provider_key: str, context: Context) -> tuple[bytes, str]:
        """ReEncrypt, to the key that is configured now: the plain key does not leave KMS."""
        answer = self._call(
            "re_encrypt",
            CiphertextBlob=wrapped,
            SourceKeyId=provider_key,
            SourceEncryptionContext=dict(context),
            DestinationKeyId=self._key,
            DestinationEncryptionContext=dict(context),
        )
        return _bytes(answer, "CiphertextBlob"), _name(answer)

    def signing_key(self, key: str) -> "AwsSigningKey":
        """An Ed25519 key of the same region, by its id or ARN."""
        return AwsSigningKey(self._call, key)

    def ecdsa_key(self, key: str) -> "AwsEcdsaKey":
        """A secp256k1 key of the same region, by its id or ARN."""
        return AwsEcdsaKey(self._call, key)

    def _call(self, operation: str, **given: Any) -> Mapping[str, Any]:
        """The answer. No error carries what was sent or received, so none is chained."""
        try:
            answer: Mapping[str, Any] = getattr(self._kms, operation)(**given)
        except CircuitOpen as error:
            failure: ProviderError = ProviderDown("circuit_open", error.retry_after)
        except httpx.TransportError as error:
            failure = ProviderDown(type(error).__name__)
        except ClientError as error:
            failure = _meaning(error)
        except (NoCredentialsError, PartialCredentialsError):
            failure = ProviderRefused("no_credentials")
        except UNREADABLE:
            failure = Disagreement("unreadable_answer")
        else:
            return answer
        raise failure


class AwsSigningKey:
    """An Ed25519 key that never leaves KMS."""

    def __init__(self, call: Callable[..., Mapping[str, Any]], key: str) -> None:
        self._call, self._key = call, key

    def public_key(self) -> bytes:
        """GetPublicKey: its 32 bytes. Raises ProviderError; Disagreement for a key of another kind."""
        answer = self._call("get_public_key", KeyId=self._key)
        encoded = _bytes(answer, "PublicKey")
        if answer.get("KeySpec") != ED25519 or not encoded.startswith(SPKI) or len(encoded) != len(SPKI) + KEY_BYTES:
            raise Disagreement("not_an_ed25519_key")
        return encoded[len(SPKI) :]

    def sign(self, message: bytes) -> bytes:
        """Sign, the message itself (RFC 8032): 64 bytes, which the caller verifies. Raises ProviderError."""
        answer = self._call(
            "sign", KeyId=self._key, Message=message, MessageType="RAW", SigningAlgorithm="ED25519_SHA_512"
        )
        return _bytes(answer, "Signature")


class AwsEcdsaKey:
    """A secp256k1 key that never leaves KMS: what Ethereum signs with."""

    def __init__(self, call: Callable[..., Mapping[str, Any]], key: str) -> None:
        self._call, self._key = call, key

    def public_key(self) -> bytes:
        """GetPublicKey: its point, 65 bytes. Raises ProviderError; Disagreement for a key of another kind or use."""
        answer = self._call("get_public_key", KeyId=self._key)
        encoded = _bytes(answer, "PublicKey")
        head, point = encoded[:-POINT_BYTES], encoded[-POINT_BYTES:]
        kind = (answer.get("KeySpec"), answer.get("KeyUsage"))
        if kind != (SECP256K1, "SIGN_VERIFY") or head != SPKI_OF_POINT or not is_point(point):
            raise Disagreement("not_a_secp256k1_key")
        return point

    def sign(self, digest: bytes, *, public_key: bytes) -> Signature:
        """Sign 32 bytes as they are, by the key whose point is `public_key`; s is the lower of the two (EIP-2).

        Raises ProviderError; Disagreement for what is no signature in DER (RFC 3279, 2.2.3), or not one of this
        digest by this key: both parities were tried. Raises ValueError for a digest of another length.
        """
        if len(digest) != DIGEST_BYTES:
            raise ValueError("a digest has 32 bytes")
        answer = self._call("sign", KeyId=self._key, Message=digest, MessageType="DIGEST", SigningAlgorithm=ECDSA)
        try:
            r, s = decode_dss_signature(_bytes(answer, "Signature"))
            return signature_by(public_key, digest, r=r, s=s)
        except ValueError:
            disagreement = Disagreement("wrong_signature")
        raise disagreement


def _bytes(answer: Mapping[str, Any], part: str) -> bytes:
    found = answer.get(part)
    if not isinstance(found, bytes):
        raise Disagreement("unreadable_answer")
    return found


def _name(answer: Mapping[str, Any]) -> str:
    found = answer.get("KeyId")
    if not isinstance(found, str):
        raise Disagreement("unreadable_answer")
    return found


def _meaning(error: ClientError) -> ProviderError:
    """What KMS said, in words of ours: a code that we do not know is not repeated."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in BUSY:
        return ProviderDown(code, THROTTLED_SECONDS)
    if code in WRONG:
        return Disagreement(code)
    if code in DOWN or status >= 500:
        return ProviderDown(code if code in DOWN else "server_error")
    return ProviderRefused(code if code in REFUSED else "unknown_error")
