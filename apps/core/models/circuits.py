"""Circuit breakers of outside services."""

from django.db import models
from django.db.models.functions import Now

from apps.core.types import CircuitState


class ProviderCircuit(models.Model):
    """One breaker for all processes. Moves by conditional updates only, under the database's clock."""

    name = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=16, choices=CircuitState.choices, db_default=CircuitState.CLOSED)
    # Grows with each change of state: what an older call reports afterwards counts for nothing.
    epoch = models.BigIntegerField(db_default=0)
    failures = models.IntegerField(db_default=0)
    since = models.DateTimeField(db_default=Now())
    open_until = models.DateTimeField(null=True)
    probe_token = models.UUIDField(null=True)
    probe_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=64, blank=True, db_default="")
    last_error_at = models.DateTimeField(null=True)
    calls = models.BigIntegerField(db_default=0)
    failed = models.BigIntegerField(db_default=0)
    rejected = models.BigIntegerField(db_default=0)
    retried = models.BigIntegerField(db_default=0)
