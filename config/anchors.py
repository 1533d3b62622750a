"""The bucket that keeps heads of the audit trail under object lock, and where it is."""

import re
from dataclasses import dataclass

from apps.core import tls
from config.security.types.records import Anchoring
from config.variables import Variables

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class AuditAnchors:
    """`bucket` is empty where heads are not anchored in one, `endpoint` for Amazon's own."""

    bucket: str
    region: str
    endpoint: str


def read(env: Variables, policy: Anchoring, *, region: str) -> AuditAnchors:
    """From policy and environment; `region` is that of the key service, for where no other is named."""
    endpoint, region = env.text("AWS_ENDPOINT_URL_S3"), env.text("AWS_DEFAULT_REGION", region)
    bucket = policy.bucket.reveal() if policy.enabled and policy.bucket.is_set else ""
    if not bucket:
        return AuditAnchors("", region, endpoint)
    if not BUCKET.fullmatch(bucket):
        env.wrong(policy.bucket.variable, "the name of a bucket")
    if not region:
        env.wrong("AWS_DEFAULT_REGION", f"the region of the bucket in {policy.bucket}")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        env.wrong("AWS_ENDPOINT_URL_S3", "a URL: https:// or http://")
    elif endpoint and env.production and not tls.is_secure(endpoint):
        env.wrong("AWS_ENDPOINT_URL_S3", "a URL with checked TLS (https://)")
    return AuditAnchors(bucket, region, endpoint)
