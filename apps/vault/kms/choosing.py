"""Which key service this installation uses."""

from typing import TYPE_CHECKING, cast

from django.conf import settings

from apps.core.providers import provider
from apps.vault.kms.local import LocalProvider
from apps.vault.kms.protocol import KeyProvider, ProviderRefused
from apps.vault.types import ProviderName

if TYPE_CHECKING:
    import httpx

    from apps.vault.kms.aws import AwsEcdsaKey, AwsKms, AwsSigningKey

# As outside services are named: in the policy, in readiness and in metrics.
KMS = "kms"


def present() -> ProviderName:
    """What wraps new purpose keys: `provider` of the policy, in development `development_provider`."""
    return ProviderName(settings.KEY_SERVICE.provider)


def provider_named(name: str) -> KeyProvider:
    """The service that wrapped a key. Raises ProviderRefused for one this installation has not."""
    if name == ProviderName.LOCAL and settings.KEY_SERVICE.local_key:
        return LocalProvider(settings.KEY_SERVICE.local_key)
    if name == ProviderName.KMS and is_kms_known():
        return cast("KeyProvider", provider(KMS))
    raise ProviderRefused("provider_not_configured")


def kms_signing_key(key: str) -> "AwsSigningKey":
    """An Ed25519 key of KMS by its id or ARN. Raises ProviderRefused where this installation has no KMS."""
    return cast("AwsKms", provider_named(ProviderName.KMS)).signing_key(key)


def kms_ecdsa_key(key: str) -> "AwsEcdsaKey":
    """A secp256k1 key of KMS by its id or ARN. Raises ProviderRefused where this installation has no KMS."""
    return cast("AwsKms", provider_named(ProviderName.KMS)).ecdsa_key(key)


def is_kms_known() -> bool:
    """Whether a key of KMS is named: one that keys were wrapped with before is still asked for them."""
    return bool(settings.SECURITY.encryption.kms_key.is_set and settings.KEY_SERVICE.region)


def build_kms(client: "httpx.Client") -> KeyProvider:
    """KMS over a guarded client. boto3 is imported by whom it serves alone: it takes 0.3 s and 20 MB."""
    from apps.vault.kms.aws import AwsKms  # noqa: PLC0415

    service = settings.KEY_SERVICE
    key = settings.SECURITY.encryption.kms_key.reveal()
    return AwsKms(client, key=key, region=service.region, endpoint=service.endpoint)
