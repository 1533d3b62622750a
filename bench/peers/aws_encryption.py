"""AWS's own encryption of one value at a time: its Encryption SDK with a raw AES key, no key service asked."""

import os
from typing import Any

from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import AlgorithmSuite

# The cheapest suite its default policy allows: committing, unsigned. The default signs too, and takes twice as long.
SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


class RawKey:
    """One wrapping key, and values bound to where they belong."""

    def __init__(self) -> None:
        providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
        wanted = CreateRawAesKeyringInput(
            key_namespace="bench",
            key_name="one",
            wrapping_key=os.urandom(32),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
        self._keyring: Any = providers.create_raw_aes_keyring(wanted)
        self._client = EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

    def encrypt(self, plain: bytes, place: dict[str, str]) -> bytes:
        """One value."""
        found: bytes = self._client.encrypt(
            source=plain, keyring=self._keyring, algorithm=SUITE, encryption_context=place
        )[0]
        return found

    def decrypt(self, sealed: bytes, place: dict[str, str]) -> bytes:
        """The value, if it is still in its place."""
        found: bytes = self._client.decrypt(source=sealed, keyring=self._keyring, encryption_context=place)[0]
        return found
