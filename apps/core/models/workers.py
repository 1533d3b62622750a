"""Celery's workers, and the jobs that beat has sent."""

from django.db import models


class WorkerHeartbeat(models.Model):
    """When a worker last did a task that it had sent itself through the broker, and last had no hand free for one."""

    name = models.CharField(max_length=255, primary_key=True)
    pid = models.IntegerField()
    beat_at = models.DateTimeField(null=True)
    busy_at = models.DateTimeField(null=True)


class ScheduledJob(models.Model):
    """The newest instant that a scheduled job was sent for: it only moves forward, so each instant is sent once."""

    name = models.CharField(max_length=64, primary_key=True)
    last_for = models.DateTimeField()
    sent_at = models.DateTimeField()
