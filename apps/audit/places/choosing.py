"""Which bucket this installation anchors in."""

from typing import TYPE_CHECKING, cast

from django.conf import settings

from apps.core.providers import provider

if TYPE_CHECKING:
    import httpx

    from apps.audit.places.s3 import S3Place

# As outside services are named: in the policy, in readiness and in metrics.
STORE = "audit_store"


def is_anchored() -> bool:
    """Whether heads are anchored in a bucket: the policy says so, and one is named."""
    return bool(settings.AUDIT_ANCHORS.bucket)


def store() -> "S3Place":
    """The bucket. Raises KeyError where none is named."""
    return cast("S3Place", provider(STORE))


def build_store(client: "httpx.Client") -> "S3Place":
    """S3 over a guarded client. boto3 is imported by whom it serves alone: it takes 0.3 s and 20 MB."""
    from apps.audit.places.s3 import S3Place  # noqa: PLC0415

    named = settings.AUDIT_ANCHORS
    return S3Place(client, bucket=named.bucket, region=named.region, endpoint=named.endpoint)
