"""Rate limits' counters for when Valkey is away."""

from django.db import models


class RateCounter(models.Model):
    """A sliding window counter. The table is UNLOGGED: a crash forgets it, and no request waits for its disk."""

    # A keyed hash: no address and no name.
    key = models.CharField(max_length=128, primary_key=True)
    previous = models.IntegerField()
    current = models.IntegerField()
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="rate_counter_expiry")]
