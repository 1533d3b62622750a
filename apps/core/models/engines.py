"""Engines."""

from django.db import models


class EngineState(models.Model):
    """An engine's leadership: the epoch fences off every leader before the present one."""

    name = models.CharField(max_length=64, primary_key=True)
    epoch = models.BigIntegerField(default=0)
    pid = models.IntegerField(null=True)
    host = models.CharField(max_length=255, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)
