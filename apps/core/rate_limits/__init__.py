"""How often anyone may ask: buckets, counted in Valkey, else in the database, never in this process's memory."""

from apps.core.rate_limits.buckets import Bucket, default_tier, rate_of, tiers
from apps.core.rate_limits.counting import CountersDown, count, take
from apps.core.rate_limits.keys import key_of_address, key_of_caller, key_of_name
from apps.core.rate_limits.taken import Taken

__all__ = [
    "Bucket",
    "CountersDown",
    "Taken",
    "count",
    "default_tier",
    "key_of_address",
    "key_of_caller",
    "key_of_name",
    "rate_of",
    "take",
    "tiers",
]
