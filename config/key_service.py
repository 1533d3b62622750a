"""Which key service wraps the vault's keys, and where it is."""

from dataclasses import dataclass

from apps.core import tls
from config.security.types.records import Encryption, KeyProvider
from config.variables import Variables

# Published: it protects nothing, and serves a checkout that has no key of its own.
DEVELOPMENT_KEY = "ZGV2ZWxvcG1lbnQtb25seS12YXVsdC1rZXktMzItYnk="
ARN = "arn:"


@dataclass(frozen=True, slots=True)
class KeyService:
    """`provider` wraps new keys. `local_key` is empty in production, and `region` where no key of KMS is named."""

    provider: str
    local_key: str
    region: str
    endpoint: str


def read(env: Variables, policy: Encryption) -> KeyService:
    """From policy and environment. In production KMS alone, its region known, its address one of checked TLS."""
    # Read by boto3; named here so that no log shows them.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        env.vendor_secret(name)
    provider = policy.provider if env.production else policy.development_provider
    region, endpoint = _region(env, policy), env.text("AWS_ENDPOINT_URL_KMS")
    if provider is KeyProvider.KMS and policy.kms_key.is_set and not region:
        env.wrong("AWS_DEFAULT_REGION", f"the region of the key in {policy.kms_key}, which is no ARN")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        env.wrong("AWS_ENDPOINT_URL_KMS", "a URL: https:// or http://")
    elif endpoint and env.production and not tls.is_secure(endpoint):
        env.wrong("AWS_ENDPOINT_URL_KMS", "a URL with checked TLS (https://)")
    local_key = "" if env.production else env.fernet_key("VAULT_LOCAL_KEY", DEVELOPMENT_KEY)
    return KeyService(str(provider), local_key, region, endpoint)


def _region(env: Variables, policy: Encryption) -> str:
    """That of the key, if its name says it (arn:aws:kms:<region>:...)."""
    default = env.text("AWS_DEFAULT_REGION")
    key = policy.kms_key.reveal() if policy.kms_key.is_set else ""
    parts = key.split(":")
    return parts[3] if key.startswith(ARN) and len(parts) > 3 else default
