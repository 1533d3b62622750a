"""Which key service this installation uses."""

from django.conf import settings

from apps.vault.kms.local import LocalProvider
from apps.vault.kms.protocol import KeyProvider, ProviderRefused
from apps.vault.types import ProviderName


def present() -> ProviderName:
    """What wraps new purpose keys: `provider` of the policy, in development `development_provider`."""
    return ProviderName(settings.VAULT_PROVIDER)


def provider_named(name: str) -> KeyProvider:
    """The service that wrapped a key. Raises ProviderRefused for one this installation has not."""
    if name == ProviderName.LOCAL and settings.VAULT_LOCAL_KEY:
        return LocalProvider(settings.VAULT_LOCAL_KEY)
    raise ProviderRefused("provider_not_configured")
