"""What is counted apart, so that one kind of request never starves another."""

from enum import StrEnum

from django.conf import settings
from limits import RateLimitItem


class Bucket(StrEnum):
    """What a request counts as. Its value is the policy's name in the RateLimit headers."""

    READS = "reads"
    WRITES = "writes"
    ORDERS = "orders"
    CANCELS = "cancels"
    ISSUANCE = "issuance"
    SWAPS = "swaps"
    SETTLEMENT = "settlement"
    UPLOADS = "uploads"
    # Counted by address and again by username.
    LOGINS = "logins"
    # Whoever has no valid login, whatever they ask for.
    ANONYMOUS = "anonymous"
    # Never counted: probes, scrapes, and what proves itself by a signature.
    UNLIMITED = "unlimited"


# The RATE_LIMIT_* that each bucket takes its rate from; the rest have their own name's.
SCOPES = {Bucket.READS: "USER", Bucket.WRITES: "USER", Bucket.CANCELS: "USER", Bucket.ANONYMOUS: "ANON"}


def rate_of(bucket: Bucket, tier: str = "") -> RateLimitItem:  # noqa: ARG001
    """The rate of a bucket."""
    rate: RateLimitItem = settings.RATE_LIMITS[SCOPES.get(bucket, bucket.name)]
    return rate
