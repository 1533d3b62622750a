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


# Nobody has a tier before they are known.
WITHOUT_TIER = frozenset({Bucket.LOGINS, Bucket.ANONYMOUS})


def tiers() -> list[str]:
    """The tiers of the security policy."""
    return sorted(settings.SECURITY.rate_limits.tiers)


def default_tier() -> str:
    """The tier of whoever has none of their own."""
    name: str = settings.SECURITY.rate_limits.default_tier
    return name


def rate_of(bucket: Bucket, tier: str = "") -> RateLimitItem:
    """The rate of a bucket for an actor of `tier`; the policy's default tier where it has none of that name."""
    rate: RateLimitItem = settings.RATE_LIMITS[SCOPES.get(bucket, bucket.name)]
    times = 1 if bucket in WITHOUT_TIER else _times(bucket, tier)
    return rate if times == 1 else type(rate)(rate.amount * times, rate.multiples)


def _times(bucket: Bucket, tier: str) -> int:
    policy = settings.SECURITY.rate_limits
    found = policy.tiers.get(tier) or policy.tiers[policy.default_tier]
    times: int = {Bucket.READS: found.read, Bucket.CANCELS: found.cancel}.get(bucket, found.trade)
    return times
